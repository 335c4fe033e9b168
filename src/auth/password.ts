/**
 * Comparing an offered password or token with the configured one, which is plain text or a bcrypt hash.
 *
 * bcrypt runs on libuv's few threads and is slow on purpose, so only some checks run at once and the others wait in
 * line: a flood of logins leaves threads for everything else. What was proven once is remembered, so that thousands
 * of clients coming back with the same password, or a reload, cost one check. A user that does not exist is refused
 * without any work, as the reference server does: who measures time can tell such names from those with a hash.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const checksAtOnceMax = 2;
const checksWaitingMax = 16_384;
const proofsMax = 16_384;
/** bcrypt reads no further, and neither do we: two passwords that begin with the same 72 bytes are the same to it. */
const passwordBytesMax = 72;

type Compare = (password: Buffer, hash: string) => Promise<boolean>;

interface Check {
  readonly key: string;
  readonly password: Buffer;
  readonly hash: string;
  /** One for each peer that waits for the answer. */
  readonly isWanted: (() => boolean)[];
  readonly answer: Promise<boolean>;
  readonly settle: (isRight: boolean) => void;
}

/** One for a broker: its bounds hold over all listeners, and its memory outlives a reload. */
export class PasswordChecker {
  /** Only for naming what was proven; never leaves the process. */
  readonly #proofKey = randomBytes(32);
  /** Keyed hashes of (configured hash, password), least recently used first. Only right passwords come in. */
  readonly #proofs = new Set<string>();
  readonly #checks = new Map<string, Check>();
  #waiting: Check[] = [];
  #runningCount = 0;
  #compare: Promise<Compare> | null = null;

  /**
   * A promise only when `configured` is a bcrypt hash and the answer is not known yet; it never rejects.
   * @param isWanted asked when the check's turn comes: false gives up the place in line
   */
  check(configured: string, offered: string, isWanted: () => boolean = always): boolean | Promise<boolean> {
    if (!isBcrypt(configured)) return isEqual(configured, offered);
    const hash = hashToCompare(configured);
    if (hash === null) return false;
    const password = bytesToCompare(offered);
    const key = createHmac("sha256", this.#proofKey).update(hash).update(password).digest("base64");
    if (this.#isProven(key)) return true;
    const running = this.#checks.get(key);
    if (running !== undefined) {
      running.isWanted.push(isWanted);
      return running.answer;
    }
    if (this.#waiting.length >= checksWaitingMax) return false;
    const check = newCheck(key, password, hash, isWanted);
    this.#checks.set(key, check);
    this.#waiting.push(check);
    this.#startNext();
    return check.answer;
  }

  /** @throws Error saying what to do when hashes cannot be checked on this machine */
  async prepare(): Promise<void> {
    try {
      await this.#load();
    } catch (error) {
      throw new Error(
        `bcrypt hashes are configured as passwords, but the package "bcrypt" cannot be loaded (${String(error)}); ` +
          "install it again for this platform, or configure the passwords in plain text",
        { cause: error },
      );
    }
  }

  #startNext(): void {
    while (this.#runningCount < checksAtOnceMax) {
      const check = this.#waiting.shift();
      if (check === undefined) return;
      if (check.isWanted.some((isWanted) => isWanted())) void this.#run(check);
      else this.#finish(check, false);
    }
  }

  async #run(check: Check): Promise<void> {
    this.#runningCount++;
    let isRight = false;
    try {
      const compare = await this.#load();
      isRight = await compare(check.password, check.hash);
    } catch {
      // Nothing was proven; prepare() is where a missing package is told.
    }
    this.#runningCount--;
    if (isRight) this.#remember(check.key);
    this.#finish(check, isRight);
    this.#startNext();
  }

  #finish(check: Check, isRight: boolean): void {
    this.#checks.delete(check.key);
    check.settle(isRight);
  }

  #isProven(key: string): boolean {
    if (!this.#proofs.delete(key)) return false;
    this.#proofs.add(key);
    return true;
  }

  #remember(key: string): void {
    this.#proofs.add(key);
    if (this.#proofs.size <= proofsMax) return;
    for (const oldest of this.#proofs) {
      this.#proofs.delete(oldest);
      return;
    }
  }

  /** Loaded when first needed, since most brokers never are asked for it. */
  #load(): Promise<Compare> {
    this.#compare ??= import("bcrypt").then(({ default: bcrypt }) => bcrypt.compare);
    return this.#compare;
  }
}

/** Source of the rule: nats-server `isBcrypt`. */
export function isBcrypt(configured: string): boolean {
  return /^\$2[abxy]\$\d{2}\$/.test(configured);
}

/** In constant time, whatever the lengths. */
function isEqual(configured: string, offered: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text, "utf8").digest();
  return timingSafeEqual(digest(configured), digest(offered));
}

/**
 * The hash as the bcrypt package takes it. Go reads all four variants by the same rules, ignores what stands behind
 * the 60 characters, and does not mind stray bits in the last character of the salt; the package does.
 * @returns null when no password can match
 */
function hashToCompare(configured: string): string | null {
  const digits = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const match = /^\$2.\$(\d{2})\$([./A-Za-z0-9]{21})([./A-Za-z0-9])([./A-Za-z0-9]{31})/.exec(configured);
  if (match === null) return null;
  const [, cost, salt, lastOfSalt, hash] = match as unknown as [string, string, string, string, string];
  if (Number(cost) < 4 || Number(cost) > 31) return null;
  // 22 characters hold 132 bits, of which the salt has 128.
  const cleanLast = digits[digits.indexOf(lastOfSalt) & ~0xf] as string;
  return `$2b$${cost}$${salt}${cleanLast}${hash}`;
}

/** Cut as text first, so that a megabyte offered is not held while it waits; one more, lest a character be cut in two. */
function bytesToCompare(offered: string): Buffer {
  return Buffer.from(offered.slice(0, passwordBytesMax + 1), "utf8").subarray(0, passwordBytesMax);
}

function newCheck(key: string, password: Buffer, hash: string, isWanted: () => boolean): Check {
  let settle: (isRight: boolean) => void = () => undefined;
  const answer = new Promise<boolean>((resolve) => {
    settle = resolve;
  });
  return { key, password, hash, isWanted: [isWanted], answer, settle };
}

function always(): boolean {
  return true;
}
