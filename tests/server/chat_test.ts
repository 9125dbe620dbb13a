import { assert, assertEquals, assertLess } from "@std/assert";
import fc from "fast-check";
import {
  createChat,
  createLineSplitter,
  createOutbox,
} from "../../tasks/server/chat.ts";
import type { Listener } from "../../lib/net/connection.ts";
import type { ServerEvent } from "../../tasks/server/log/events.ts";
import { serve, type Server } from "../../tasks/server/serve.ts";
import { encode, memory, receiveText } from "../support.ts";

const silence = new Promise<null>(() => {});

/** A chat, with ways to wait until so many clients take part, and until so many bytes came from them. */
async function startChat() {
  const chat = createChat();
  const closed: string[] = [];
  let [total, awaited] = [0, Infinity];
  let came = () => {};
  let [count, wanted] = [0, 0];
  let reached = () => {};
  const onEvent = (event: ServerEvent) => {
    if (event.event === "close") closed.push(event.reason);
    count += event.event === "open" ? 1 : event.event === "close" ? -1 : 0;
    if (count === wanted) reached();
  };
  const onBytes: Listener = (direction, { length }) => {
    total += direction === "received" ? length : 0;
    if (total >= awaited) came();
  };
  const server = await serve({ handler: chat.join, onEvent, onBytes });
  const received = (bytes: number) =>
    new Promise<void>((resolve) => {
      [awaited, came] = [bytes, resolve];
      if (total >= bytes) resolve();
    });
  const present = (number: number) =>
    new Promise<void>((resolve) => {
      [wanted, reached] = [number, resolve];
      if (count === wanted) resolve();
    });
  return { ...chat, server, closed, present, received };
}

async function enter({ port }: Server) {
  const conn = await Deno.connect({ port });
  return {
    conn,
    close: () => conn.close(),
    say: async (text: string) => {
      const bytes = encode(text);
      for (let at = 0; at < bytes.length;) {
        at += await conn.write(bytes.subarray(at));
      }
    },
    hear: (length: number) => receiveText(conn, length),
  };
}

Deno.test("chat passes each client's lines to all others, whole, and not back", async () => {
  const { server, present } = await startChat();
  await using _ = server;
  const [ada, bob, eve] = [
    await enter(server),
    await enter(server),
    await enter(server),
  ];
  await present(3);
  await ada.say("hel");
  await bob.say("b\n");
  assertEquals(await eve.hear(2), "b\n");
  assertEquals(await ada.hear(2), "b\n");
  await ada.say("lo\nrest");
  assertEquals(await eve.hear(6), "hello\n");
  assertEquals(await bob.hear(6), "hello\n");
  // what is left of a line goes out when its speaker leaves
  ada.conn.closeWrite();
  assertEquals(await eve.hear(5), "rest\n");
  assertEquals(await bob.hear(5), "rest\n");
  assertEquals(await ada.hear(1), "");
  for (const client of [ada, bob, eve]) client.close();
});

Deno.test("chat lets the host speak to all and hear all", async () => {
  const { server, present, host } = await startChat();
  await using _ = server;
  const ada = await enter(server);
  await present(1);
  const heard = Promise.withResolvers<string>();
  const words = [encode("welcome\n")];
  void host(
    (buffer) => {
      const word = words.shift();
      if (!word) return silence;
      buffer.set(word);
      return Promise.resolve(word.length);
    },
    (bytes) => heard.resolve(new TextDecoder().decode(bytes)),
  );
  assertEquals(await ada.hear(8), "welcome\n");
  await ada.say("hi\n");
  assertEquals(await heard.promise, "hi\n");
  ada.close();
});

Deno.test("chat ends where the host's output ends", async () => {
  const { server, present, host } = await startChat();
  await using _ = server;
  const ada = await enter(server);
  await present(1);
  const ended = host(
    () => Promise.resolve(null),
    () => Promise.reject(new Error("closed")),
  );
  await ada.say("hi\n");
  assertEquals(await ended.catch(({ message }) => message), "closed");
  ada.close();
});

/** A line, in two parts, of which the first goes out before the second has come. */
function longLine(length: number): [string, string, string] {
  const line = `{"a":"${"L".repeat(length - 9)}"}\n`;
  const middle = Math.max(66_000, length / 2);
  return [line.slice(0, middle), line.slice(middle), line];
}

Deno.test("chat keeps a long line whole, and lets the others wait until it has ended", async (t) => {
  for (const length of [70_007, 1 << 20]) {
    for (const [long, short] of [[0, 1], [1, 0], [2, 1]] as const) {
      await t.step(
        `${length} bytes, client ${long} before ${short}`,
        async () => {
          const { server, present, received } = await startChat();
          await using _ = server;
          const clients = [
            await enter(server),
            await enter(server),
            await enter(server),
          ] as const;
          await present(3);
          const [start, end, line] = longLine(length);
          await clients[long].say(start);
          await received(start.length);
          await clients[short].say("b\n");
          await received(start.length + 2);
          await clients[long].say(end);
          const heard = await Promise.all(
            clients.map((client, index) =>
              client.hear(
                (index === long ? 0 : line.length) + (index === short ? 0 : 2),
              )
            ),
          );
          assertEquals(
            heard.map((text, index) =>
              text ===
                (index === long ? "" : line) + (index === short ? "" : "b\n")
            ),
            [true, true, true],
          );
          for (const client of clients) {
            client.close();
          }
        },
      );
    }
  }
});

Deno.test("chat keeps the long lines of several apart that speak at once", async () => {
  const { server, present } = await startChat();
  await using _ = server;
  const speakers = await Promise.all(["a", "b", "c"].map(async (name) => {
    const client = await enter(server);
    return { ...client, line: name.repeat(299_999) + "\n" };
  }));
  const listener = await enter(server);
  await present(4);
  const others = speakers.map(({ hear }) => hear(10 * 2 * 300_000));
  for (let lines = 0; lines < 10; lines++) {
    await Promise.all(speakers.map(({ say, line }) => say(line)));
  }
  const heard = await listener.hear(10 * 3 * 300_000);
  await Promise.all(others);
  for (const line of heard.trimEnd().split("\n")) {
    assertEquals([line.length, new Set(line).size], [299_999, 1]);
  }
  for (const client of [...speakers, listener]) client.close();
});

Deno.test("chat ends a long line with a newline for all when its speaker leaves or takes too long", async (t) => {
  const [start] = longLine(70_007);
  for (const how of ["ends", "resets", "stalls"]) {
    await t.step(`the speaker ${how}`, async () => {
      const { server, present, received } = await startChat();
      await using _ = server;
      const [ada, bob, eve] = [
        await enter(server),
        await enter(server),
        await enter(server),
      ];
      await present(3);
      await eve.say("unread\n");
      await bob.hear(7);
      await ada.say(start);
      await received(7 + start.length);
      await bob.say("b\n");
      await received(7 + start.length + 2);
      if (how === "ends") await ada.conn.closeWrite();
      // what it has not read makes it a reset
      if (how === "resets") ada.close();
      const heard = [
        await eve.hear(start.length + 3),
        await bob.hear(start.length + 1),
      ];
      assertEquals(heard[0] === `${start}\nb\n`, true);
      assertEquals(heard[1] === `${start}\n`, true);
      if (how === "stalls") {
        assertEquals(await ada.hear(9), "unread\nb\n");
        await ada.say("rest\n");
        assertEquals(await eve.hear(5), "rest\n");
      }
      if (how !== "resets") ada.close();
      bob.close();
      eve.close();
    });
  }
});

Deno.test("chat lets the host wait for the end of a client's long line, and clients for that of the host's", async () => {
  const { server, present, received, host } = await startChat();
  await using _ = server;
  const [ada, bob] = [await enter(server), await enter(server)];
  await present(2);
  const [start, end, line] = longLine(70_007);
  let said = Promise.withResolvers<string>();
  const asked: (() => void)[] = [];
  const shown: string[] = [];
  let rest = new Uint8Array();
  void host(
    async (buffer) => {
      if (rest.length === 0) {
        asked.shift()?.();
        rest = encode(await said.promise);
        said = Promise.withResolvers();
      }
      const part = rest.subarray(0, buffer.length);
      rest = rest.subarray(part.length);
      buffer.set(part);
      return part.length;
    },
    (bytes) => void shown.push(new TextDecoder().decode(bytes)),
  );
  await ada.say(start);
  await received(start.length);
  said.resolve("host\n");
  await ada.say(end);
  assertEquals(await bob.hear(line.length + 5) === `${line}host\n`, true);
  assertEquals(await ada.hear(5), "host\n");
  assertEquals(shown.join("") === line, true);
  const taken = new Promise<void>((resolve) => asked.push(resolve));
  said.resolve(start);
  await taken;
  await ada.say("b\n");
  await received(line.length + 2);
  said.resolve(end);
  assertEquals(await bob.hear(line.length + 2) === `${line}b\n`, true);
  assertEquals(await ada.hear(line.length) === line, true);
  ada.close();
  bob.close();
});

Deno.test("chat cuts off a client that does not read; the others get all of 40 MB", async () => {
  const { server, present, closed } = await startChat();
  await using _ = server;
  const [ada, bob, slow] = [
    await enter(server),
    await enter(server),
    await enter(server),
  ];
  await present(3);
  const before = memory();
  const line = encode("x".repeat(99_999) + "\n");
  const speak = async () => {
    for (let lines = 0; lines < 400; lines++) {
      for (let at = 0; at < line.length;) {
        at += await ada.conn.write(line.subarray(at));
      }
    }
  };
  const spoken = speak();
  const buffer = new Uint8Array(1 << 16);
  for (let got = 0; got < 400 * line.length;) {
    const count = await bob.conn.read(buffer);
    assert(count !== null, "the fast one was cut off too");
    got += count;
  }
  await spoken;
  await present(2);
  assertEquals(closed, ["too slow: it does not read"]);
  assertLess(memory() - before, 64 * 1024 * 1024);
  for (const client of [ada, bob, slow]) client.close();
});

Deno.test("chat cuts off a lone listener that takes nothing, so that who speaks may go on", async () => {
  const { server, present, closed } = await startChat();
  await using _ = server;
  const [ada, slow] = [await enter(server), await enter(server)];
  await present(2);
  const line = encode("x".repeat(99_999) + "\n");
  for (let lines = 0; lines < 200; lines++) {
    for (let at = 0; at < line.length;) {
      at += await ada.conn.write(line.subarray(at));
    }
  }
  await present(1);
  assertEquals(closed, ["too slow: it does not read"]);
  ada.close();
  slow.close();
});

Deno.test("chat goes on when clients vanish", async () => {
  const { server, present } = await startChat();
  await using _ = server;
  const [ada, bob] = [await enter(server), await enter(server)];
  await present(2);
  for (let clients = 0; clients < 20; clients++) (await enter(server)).close();
  await present(2);
  await ada.say("still here\n");
  assertEquals(await bob.hear(11), "still here\n");
  ada.close();
  bob.close();
});

Deno.test("createOutbox() keeps order, tells of each piece, and of its sink's end", async () => {
  const sent: number[] = [];
  let pieces = 0;
  const outbox = createOutbox((bytes) => void sent.push(...bytes), {
    onSent: () => pieces++,
  });
  for (let byte = 0; byte < 5; byte++) outbox.put(Uint8Array.of(byte));
  assertEquals(outbox.size() > 0, true);
  await outbox.flushed();
  assertEquals([sent, pieces, outbox.size()], [[0, 1, 2, 3, 4], 5, 0]);
  const failed = Promise.withResolvers<unknown>();
  const broken = createOutbox(() => Promise.reject("broken"), {
    onError: failed.resolve,
  });
  broken.put(Uint8Array.of(1));
  assertEquals(await failed.promise, "broken");
});

const NEWLINE = 10;

/** Bytes of which every fourth or so is a newline. */
const bytes = fc.array(fc.oneof(fc.constant(NEWLINE), fc.nat(255), fc.nat(255)))
  .map((values) => Uint8Array.from(values));

const joined = (pieces: Uint8Array[]) =>
  Uint8Array.from(pieces.flatMap((piece) => [...piece]));

Deno.test("createLineSplitter() loses and adds nothing, and gives whole lines, for any chunks", () => {
  fc.assert(fc.property(fc.array(bytes), (chunks) => {
    const { push, flush } = createLineSplitter();
    const pieces = chunks.flatMap((chunk) => push(chunk) ?? []);
    for (const piece of pieces) assertEquals(piece.at(-1), NEWLINE);
    const last = flush();
    assert(!last?.includes(NEWLINE));
    assertEquals(joined(last ? [...pieces, last] : pieces), joined(chunks));
    assertEquals(flush(), undefined);
  }));
});

Deno.test("createLineSplitter() holds back no more than it may, for any chunks", () => {
  fc.assert(fc.property(fc.array(bytes), fc.nat(9), (chunks, longest) => {
    const { push, flush } = createLineSplitter(longest);
    const pieces: Uint8Array[] = [];
    let [given, taken] = [0, 0];
    for (const chunk of chunks) {
      const piece = push(chunk);
      given += chunk.length;
      taken += piece?.length ?? 0;
      if (piece) pieces.push(piece);
      assert(given - taken <= longest, `${given - taken} held`);
    }
    assertEquals(
      joined([...pieces, flush() ?? new Uint8Array()]),
      joined(chunks),
    );
  }));
});

Deno.test("createLineSplitter() gives pieces that do not change with the chunk's buffer", () => {
  const chunk = Uint8Array.of(65, NEWLINE, 66);
  const { push, flush } = createLineSplitter();
  const piece = push(chunk);
  chunk.fill(0);
  assertEquals([piece, flush()], [
    Uint8Array.of(65, NEWLINE),
    Uint8Array.of(66),
  ]);
});
