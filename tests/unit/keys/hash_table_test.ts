import { assert, assertEquals, assertThrows } from "@std/assert";
import { BitList } from "../../../src/keys/bit_list.ts";
import { HashTable } from "../../../src/keys/hash_table.ts";
import { KeyHasher } from "../../../src/keys/key_hash.ts";
import { RepeatFinder } from "../../../src/keys/repeat_finder.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function idOf(hasher: KeyHasher, id: string): [number, number] {
  hasher.mapId(bytes(id), 0, bytes(id).length);
  return [hasher.hi, hasher.lo];
}

Deno.test("KeyHasher maps numbered ids to their numbers, whatever its key", () => {
  const hasher = new KeyHasher();
  assertEquals(idOf(hasher, "key-1"), [0, 1]);
  assertEquals(idOf(hasher, "key-4294967296"), [1, 0]);
  assertEquals(idOf(hasher, "key-999999999999999"), [232830, 2764472319]);
});

Deno.test("KeyHasher takes no other id for a numbered one", () => {
  const hasher = new KeyHasher();
  const others = [
    "key-01",
    "key-0",
    "key-",
    "key-1x",
    "kez-1",
    "1",
    "username-bob",
    "key-1234567890123456",
  ];
  for (const id of others) {
    const [hi] = idOf(hasher, id);
    assert(hi >= 2 ** 31, id);
  }
  const all = new Set(others.map((id) => idOf(hasher, id).join()));
  assertEquals(all.size, others.length);
});

Deno.test("KeyHasher depends on every byte, on the length and on its key", () => {
  const data = new SeededRandom(5).bytes(67);
  const hash = (hasher: KeyHasher, of: Uint8Array) => {
    hasher.hash(of, 0, of.length);
    return `${hasher.hi} ${hasher.lo}`;
  };
  const hasher = new KeyHasher(new Uint32Array([1, 2, 3, 4]));
  const seen = new Set([hash(hasher, data)]);
  for (let at = 0; at < data.length; at++) {
    const other = data.slice();
    other[at] = (other[at] ?? 0) ^ 1;
    seen.add(hash(hasher, other));
    seen.add(hash(hasher, data.subarray(0, at)));
  }
  assertEquals(seen.size, 1 + 2 * data.length);
  assert(hash(new KeyHasher(), data) !== hash(new KeyHasher(), data));
  assertEquals(hash(hasher, data), hash(hasher, data.slice()));
});

Deno.test("HashTable gives each hash one number, growing as it fills", () => {
  const table = new HashTable(100_000);
  for (let round = 0; round < 2; round++) {
    for (let number = 0; number < 50_000; number++) {
      assertEquals(table.add(number % 7, number), number);
    }
  }
  assertEquals(table.size, 50_000);
  assertEquals(table.find(3, 3), 3);
  assertEquals(table.find(4, 3), -1);
});

Deno.test("HashTable holds as many as it may, and says so", () => {
  const table = new HashTable(2_000);
  for (let number = 0; number < 2_000; number++) table.add(1, number);
  assertEquals(table.add(1, 5), 5);
  assertThrows(() => table.add(2, 5), RangeError, "2000");
});

Deno.test("BitList remembers which bits are set", () => {
  const bits = new BitList();
  const numbers = [0, 31, 32, 33, 1_000, 32_767, 32_768, 5_000_000];
  for (const number of numbers) bits.set(number);
  bits.set(0);
  assertEquals(bits.count, numbers.length);
  for (const number of numbers) assert(bits.has(number));
  for (const number of [1, 30, 34, 999, 6_000_000]) assert(!bits.has(number));
});

Deno.test("RepeatFinder suspects everything that repeats, and little else", () => {
  const finder = new RepeatFinder();
  const hasher = new KeyHasher();
  const add = (id: string) => {
    idOf(hasher, id);
    finder.add(hasher, "id");
  };
  for (let number = 1; number <= 20_000; number++) add(`key-${number}`);
  for (let number = 5; number <= 100; number += 5) add(`key-${number}`);
  assertEquals(finder.finish(), true);
  assert(finder.suspects.size >= 20 && finder.suspects.size < 23);
  for (let number = 5; number <= 100; number += 5) {
    idOf(hasher, `key-${number}`);
    assert(finder.find(hasher, "id") >= 0);
    assertEquals(finder.find(hasher, "blob"), -1);
  }
  assertThrows(() => add("key-1"), TypeError);
});
