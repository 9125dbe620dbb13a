import { assertEquals, assertLess, assertRejects } from "@std/assert";
import fc from "fast-check";
import { copy, type Source, track } from "../../lib/net/connection.ts";
import { forward } from "../../tasks/server/handlers.ts";

/** Gives bytes in pieces, each at most as long as asked for; remembers the sizes of the buffers. */
function createSource(bytes: Uint8Array, longest: number) {
  const buffers: number[] = [];
  let at = 0;
  const source: Source = (buffer) => {
    buffers.push(buffer.length);
    const part = bytes.subarray(at, at + Math.min(longest, buffer.length));
    buffer.set(part);
    at += part.length;
    return Promise.resolve(part.length === 0 ? null : part.length);
  };
  return { source, buffers };
}

Deno.test("copy() passes on every byte in order, for any sizes of pieces and of the small buffer", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 5000 }),
      fc.integer({ min: 1, max: 2000 }),
      fc.integer({ min: 1, max: 600 }),
      async (bytes, longest, small) => {
        const taken: number[] = [];
        const { source } = createSource(bytes, longest);
        await copy(source, (chunk) => void taken.push(...chunk), small);
        assertEquals(Uint8Array.from(taken), bytes);
      },
    ),
  );
});

Deno.test("copy() waits with the small buffer, and takes the big one only while there is much to do", async () => {
  const sizes = [3, 512, 262144, 100, 512, 70000, null];
  const buffers: number[] = [];
  await copy(
    (buffer) => {
      buffers.push(buffer.length);
      return Promise.resolve(sizes.shift() ?? null);
    },
    () => {},
    512,
  );
  assertEquals(buffers, [512, 512, 262144, 262144, 512, 262144, 512]);
});

Deno.test("copy() reads no further while its sink is busy", async () => {
  const { source, buffers } = createSource(new Uint8Array(100_000), 1000);
  const free = Promise.withResolvers<void>();
  const chunk = Promise.withResolvers<void>();
  const done = copy(source, () => {
    chunk.resolve();
    return free.promise;
  });
  await chunk.promise;
  const read = buffers.length;
  assertLess(read, 3);
  free.resolve();
  await done;
});

Deno.test("copy() throws what its source and its sink throw", async () => {
  const full = () => Promise.resolve(1);
  const fail = () => Promise.reject(new Error("broken"));
  await assertRejects(() => copy(fail, () => {}), Error, "broken");
  await assertRejects(() => copy(full, fail), Error, "broken");
});

Deno.test("forward() half-closes at the end, also where the other is gone already", async () => {
  const at = (closeWrite: () => Promise<void>) =>
    track({
      read: () => Promise.resolve(null),
      write: (bytes) => Promise.resolve(bytes.length),
      closeWrite,
      close() {},
    }, "a peer");
  const source = at(() => Promise.resolve());
  await forward(
    source,
    at(() => Promise.reject(new Deno.errors.NotConnected())),
  );
  await assertRejects(
    () => forward(source, at(() => Promise.reject(new Error("broken")))),
    Error,
    "Cannot send to a peer",
  );
});
