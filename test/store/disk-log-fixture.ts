/** A {@link DiskLog} over LMDB without a journal: groups are carried out when the test says so. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { viewBytes } from "../../src/base/bytes.ts";
import { Applier } from "../../src/store/lmdb/applier.ts";
import { BlockMemory } from "../../src/store/lmdb/block-memory.ts";
import { BlockCache } from "../../src/store/disk/block-cache.ts";
import { checkStream } from "../../src/store/check/check-stream.ts";
import { DiskLog } from "../../src/store/disk/disk-log.ts";
import { type Environment, openEnvironment } from "../../src/store/lmdb/environment.ts";
import { Chunk } from "../../src/store/journal/chunks.ts";
import type { GroupCapacity, GroupWriter, JournalGroup } from "../../src/store/journal/group.ts";
import { encodeCreateStream } from "../../src/store/journal/operation.ts";
import { Snapshot } from "../../src/store/lmdb/snapshot.ts";

/** Gathers operations into groups and keeps them until they are applied. */
export class GroupsInMemory implements GroupWriter {
  readonly groups: JournalGroup[] = [];
  lastGroup: number;
  durableGroup: number;
  appliedGroup: number;
  #rooms: Buffer[] = [];

  constructor(appliedGroup: number) {
    this.lastGroup = this.durableGroup = this.appliedGroup = appliedGroup;
  }

  capacity(size: number): GroupCapacity {
    if (this.#rooms.length === 0) this.lastGroup++;
    // With something around it, as in a real group.
    const chunk = new Chunk(size + 6);
    const { bytes, view } = chunk;
    bytes.fill(0x55);
    this.#rooms.push(bytes.subarray(3, 3 + size));
    return { chunk, bytes, view, at: 3 };
  }

  /** Ends the group; it is durable. */
  end(): void {
    if (this.#rooms.length === 0) return;
    const bytes = Buffer.concat(this.#rooms);
    this.groups.push({ number: this.lastGroup, ...viewBytes(bytes), start: 0, end: bytes.length });
    this.#rooms = [];
    this.durableGroup = this.lastGroup;
  }
}

/** As the apply worker has them: one after the other in the same memory, next to that of the blocks. */
function* groupsIn({ window }: BlockMemory, groups: readonly JournalGroup[]): Generator<JournalGroup> {
  for (const group of groups) {
    const size = group.end - group.start;
    if (size > window.length) yield group;
    else {
      group.bytes.copy(window, 0, group.start, group.end);
      yield { number: group.number, ...viewBytes(window), start: 0, end: size };
    }
    window.fill(0xaa);
  }
}

export class DiskFixture {
  readonly #memory = new BlockMemory(65_536);
  readonly #directory = mkdtempSync(join(tmpdir(), "frond-log-"));
  readonly #cacheBytes: number;
  env!: Environment;
  applier!: Applier;
  writer!: GroupsInMemory;
  snapshot!: Snapshot;
  blocks!: BlockCache;
  log!: DiskLog;

  constructor(cacheBytes = 1 << 20) {
    this.#cacheBytes = cacheBytes;
    this.#open();
  }

  /** Ends the group and carries out the next `count`; all of them without. */
  apply(count = Infinity): void {
    this.writer.end();
    const groups = this.writer.groups.splice(0, count);
    if (groups.length === 0) return;
    this.applier.apply(groupsIn(this.#memory, groups));
    this.writer.appliedGroup = this.applier.appliedGroup;
    this.snapshot.renew();
  }

  /** Applies everything, checks what is in LMDB then, and opens it again. */
  async reopen(): Promise<void> {
    this.apply();
    while (this.applier.tidy());
    this.snapshot.renew();
    for (const { id, ...state } of this.snapshot.streams()) {
      const problems = checkStream(this.snapshot.reads, id, state);
      if (problems.length > 0) throw new Error(problems.join("\n"));
    }
    this.snapshot.close();
    await this.env.close();
    this.#open();
  }

  async close(): Promise<void> {
    this.snapshot.close();
    await this.env.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #open(): void {
    this.env = openEnvironment(join(this.#directory, "streams.mdb"));
    this.applier = new Applier(this.env, this.#memory);
    this.writer = new GroupsInMemory(this.applier.appliedGroup);
    this.snapshot = new Snapshot(this.env);
    this.blocks = new BlockCache(this.#cacheBytes);
    const [found] = this.snapshot.streams();
    if (found === undefined) encodeCreateStream(this.writer, 1, "A", "S");
    const { snapshot, writer, blocks } = this;
    this.log = new DiskLog({ id: 1, snapshot, writer, blocks, base: found ?? null });
  }
}
