import { expect, test } from "vitest";
import { BufferPool } from "../../src/transport/buffer-pool.ts";

test("sizes grow with need and with use", () => {
  const pool = new BufferPool();
  expect(pool.borrow(1, 0).viewed.bytes.length).toBe(4 * 1024);
  expect(pool.borrow(1, 4 * 1024).viewed.bytes.length).toBe(64 * 1024);
  expect(pool.borrow(1, 64 * 1024).viewed.bytes.length).toBe(512 * 1024);
  expect(pool.borrow(1, 512 * 1024).viewed.bytes.length).toBe(512 * 1024);
  expect(pool.borrow(100_000, 0).viewed.bytes.length).toBe(512 * 1024);
  expect(pool.borrow(1_000_000, 0).viewed.bytes.length).toBe(1_000_000);
});

test("use does not make them grow beyond what may wait for a peer", () => {
  const pool = new BufferPool();
  pool.growthBytesMax = 100_000;
  expect(pool.borrow(1, 4 * 1024).viewed.bytes.length).toBe(64 * 1024);
  expect(pool.borrow(1, 64 * 1024).viewed.bytes.length).toBe(64 * 1024);
  expect(pool.borrow(100_000, 64 * 1024).viewed.bytes.length).toBe(512 * 1024);
  pool.growthBytesMax = 1;
  expect(pool.borrow(1, 4 * 1024).viewed.bytes.length).toBe(4 * 1024);
});

test("a buffer is lent again when its last holder lets go, and not before", () => {
  const pool = new BufferPool();
  const lease = pool.borrow(1, 0);
  lease.hold();
  lease.release();
  const other = pool.borrow(1, 0);
  expect(other).not.toBe(lease);
  lease.release();
  expect(pool.borrow(1, 0)).toBe(lease);
});

test("a bounded number is kept", () => {
  const pool = new BufferPool();
  const lent = Array.from({ length: 20 }, () => pool.borrow(1, 64 * 1024));
  for (const lease of lent) lease.release();
  const again = new Set(Array.from({ length: 20 }, () => pool.borrow(1, 64 * 1024)));
  expect(lent.filter((lease) => again.has(lease)).length).toBe(8);
});
