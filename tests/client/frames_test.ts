import { assert, assertEquals, assertRejects } from "@std/assert";
import { concat } from "@std/bytes/concat";
import fc from "fast-check";
import { Failure } from "../../lib/cli/errors.ts";
import { describe } from "../../lib/cli/reasons.ts";
import { type Socket, track } from "../../lib/net/connection.ts";
import {
  createDecoder,
  formatClose,
  formatFrames,
  type Frame,
  Op,
  type Received,
} from "../../tasks/client/websocket/frames.ts";
import {
  createLineSender,
  createWebSocket,
} from "../../tasks/client/websocket/socket.ts";
import { encode } from "../support.ts";

const decoder = new TextDecoder();

/** What was received, for a person: messages as text, the others with what they hold. */
function shown(found: readonly Received[]): string[] {
  return found.map((each) => {
    switch (each.kind) {
      case "message":
        return `${each.message.isText ? "text" : "binary"} ${
          decoder.decode(each.message.bytes)
        }`;
      case "close":
        return `close ${each.close.code} ${each.close.reason}`.trim();
      case "fault":
        return `fault ${each.code}`;
      default:
        return `${each.kind} ${decoder.decode(each.bytes)}`;
    }
  });
}

/** What a decoder finds, in pieces of so many bytes. */
function decode(
  bytes: Uint8Array,
  { isFromClient = false, longest = 1000, sizes = [Infinity] } = {},
): string[] {
  const { push } = createDecoder(isFromClient, longest);
  const found: string[] = [];
  let turn = 0;
  for (let at = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    // a chunk is the decoder's own, and another one comes in its place
    const chunk = bytes.slice(at, at + size);
    found.push(...shown(push(chunk)));
    chunk.fill(0xaa);
    at += size;
  }
  return found;
}

const hex = (text: string) =>
  Uint8Array.from(text.split(" ").filter(Boolean), (two) => parseInt(two, 16));

Deno.test("the frames of RFC 6455 section 5.7 are read as it says", () => {
  const cases: [string, boolean, string[]][] = [
    ["81 05 48 65 6c 6c 6f", false, ["text Hello"]],
    ["81 85 37 fa 21 3d 7f 9f 4d 51 58", true, ["text Hello"]],
    ["01 03 48 65 6c 80 02 6c 6f", false, ["text Hello"]],
    ["89 05 48 65 6c 6c 6f", false, ["ping Hello"]],
    ["8a 85 37 fa 21 3d 7f 9f 4d 51 58", true, ["pong Hello"]],
  ];
  for (const [frame, isFromClient, expected] of cases) {
    assertEquals(decode(hex(frame), { isFromClient }), expected);
  }
});

/** What a peer must not send, or may in spite of how it looks, and what that is. */
const HOSTILE: readonly (readonly [name: string, frames: string, string[]])[] =
  [
    ["a reserved bit", "c1 00", ["fault 1002"]],
    ["another one", "91 00", ["fault 1002"]],
    ["an unknown kind", "83 00", ["fault 1002"]],
    ["an unknown control frame", "8b 00", ["fault 1002"]],
    ["a mask of a server", "81 80 00 00 00 00", ["fault 1002"]],
    ["a ping in parts", "09 00", ["fault 1002"]],
    ["a ping that is too long", "89 7e 00 7e", ["fault 1002"]],
    ["a part without a beginning", "80 00", ["fault 1002"]],
    ["a message within another one", "01 00 81 00", ["fault 1002"]],
    ["a length in more bytes than it needs", "82 7e 00 05", ["fault 1002"]],
    ["the same in eight", "82 7f 00 00 00 00 00 00 ff ff", ["fault 1002"]],
    ["a negative length", "82 7f 80 00 00 00 00 00 00 00", ["fault 1002"]],
    ["a length beyond all", "82 7f 7f ff ff ff ff ff ff ff", ["fault 1009"]],
    ["a long message", "82 7e 03 e9", ["fault 1009"]],
    ["a half character", "81 01 c3", ["fault 1007"]],
    ["a surrogate", "81 03 ed a0 80", ["fault 1007"]],
    ["an overlong slash", "81 02 c0 af", ["fault 1007"]],
    ["a half character in parts", "01 01 c3 80 00", ["fault 1007"]],
    ["a bad byte in a first part", "01 01 ff", ["fault 1007"]],
    ["a character over parts", "01 01 c3 00 00 80 01 a9", ["text é"]],
    ["a ping between parts", "01 01 61 89 01 70 80 01 62", [
      "ping p",
      "text ab",
    ]],
    ["empty parts", "01 00 00 00 00 00 80 00", ["text "]],
    ["bytes that are no text", "82 01 ff", ["binary \ufffd"]],
    ["a byte order mark", "81 03 ef bb bf", ["text "]],
    ["a close without a code", "88 00", ["close 1005"]],
    ["a close with half a code", "88 01 03", ["fault 1002"]],
    ["a code that goes over no connection", "88 02 03 ed", ["fault 1002"]],
    ["the code of a cut", "88 02 03 ee", ["fault 1002"]],
    ["the code of TLS", "88 02 03 f7", ["fault 1002"]],
    ["a code of nobody", "88 02 07 d0", ["fault 1002"]],
    ["a code below all", "88 02 03 e7", ["fault 1002"]],
    ["a code beyond all", "88 02 13 88", ["fault 1002"]],
    ["a reason that is not UTF-8", "88 03 03 e8 ff", ["fault 1007"]],
    ["a code of one's own", "88 04 0f a0 6f 6b", ["close 4000 ok"]],
    ["a message after a close", "88 00 81 01 61", ["close 1005"]],
    ["a message after a fault", "c1 00 81 01 61", ["fault 1002"]],
    ["a close within a message", "01 01 c3 88 02 03 e8", ["close 1000"]],
  ];

Deno.test("hostile frames are refused with the code that says why, however they are cut", () => {
  for (const [name, frames, expected] of HOSTILE) {
    for (const sizes of [[Infinity], [1], [2, 1], [3]]) {
      assertEquals(decode(hex(frames), { sizes }), expected, name);
    }
  }
  const unmasked = decode(hex("81 00"), { isFromClient: true });
  assertEquals(unmasked, ["fault 1002"]);
});

Deno.test("a message is as long as it may be, in one frame and in many", () => {
  for (const count of [1, 2, 10]) {
    const part = { opcode: Op.Binary, bytes: new Uint8Array(1000 / count) };
    const frames = Array.from({ length: count }, (_, at) => ({
      ...part,
      opcode: at === 0 ? Op.Binary : Op.More,
      isLast: at === count - 1,
    }));
    const bytes = formatFrames(frames, false);
    assertEquals(decode(bytes).length, 1);
    assertEquals(decode(bytes, { longest: 999 }), ["fault 1009"]);
  }
});

/** Any frames that may be sent: messages in any parts, with pings between these. */
const anyFrames: fc.Arbitrary<Frame[]> = fc.array(
  fc.oneof(
    fc.tuple(
      fc.boolean(),
      fc.array(fc.oneof(fc.string(), fc.string({ minLength: 130 })), {
        minLength: 1,
        maxLength: 4,
      }),
    ).map(([isText, parts]) =>
      parts.flatMap((part, at): Frame[] => [
        {
          opcode: at > 0 ? Op.More : isText ? Op.Text : Op.Binary,
          bytes: encode(part),
          isLast: at === parts.length - 1,
        },
        ...at % 2 ? [{ opcode: Op.Ping, bytes: encode(part.slice(0, 9)) }] : [],
      ])
    ),
    fc.string({ maxLength: 40 }).map((text): Frame[] => [{
      opcode: Op.Pong,
      bytes: encode(text),
    }]),
  ),
).map((all) => all.flat());

Deno.test("what is formatted is read again, for any frames and any split of the bytes, from both sides", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 });
  fc.assert(
    fc.property(
      anyFrames,
      sizes,
      fc.boolean(),
      (frames, sizes, isFromClient) => {
        const expected: string[] = [];
        let text = "";
        let kind = "";
        for (const { opcode, bytes, isLast = true } of frames) {
          const part = decoder.decode(bytes);
          if (opcode === Op.Ping) expected.push(`ping ${part}`);
          else if (opcode === Op.Pong) expected.push(`pong ${part}`);
          else {
            if (opcode !== Op.More) kind = opcode === 1 ? "text" : "binary";
            text += part;
            if (isLast) {
              expected.push(`${kind} ${text}`);
              text = "";
            }
          }
        }
        const bytes = formatFrames(frames, isFromClient);
        const longest = 100_000;
        assertEquals(decode(bytes, { isFromClient, longest, sizes }), expected);
      },
    ),
  );
});

Deno.test("any bytes give the same, however they are cut, and nothing is thrown", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });
  const bytes = fc.oneof(
    fc.uint8Array(),
    fc.array(fc.constantFrom(0, 1, 2, 3, 0x7e, 0x80, 0x81, 0x82, 0x88, 0x89))
      .map((all) => Uint8Array.from(all)),
  );
  fc.assert(
    fc.property(bytes, sizes, fc.boolean(), (bytes, sizes, isFromClient) => {
      const whole = decode(bytes, { isFromClient });
      assertEquals(decode(bytes, { isFromClient, sizes }), whole);
    }),
  );
});

Deno.test("long bytes are masked as short ones are, wherever they begin", () => {
  for (const length of [0, 1, 63, 64, 65, 125, 126, 65_535, 65_536, 70_001]) {
    const text = "abcdefghij".repeat(length / 10 + 1).slice(0, length);
    const frame = { opcode: Op.Text, bytes: encode(text) };
    const bytes = formatFrames([frame], true);
    for (const first of [1, 2, 3, 17, 101, length + 20]) {
      assertEquals(
        decode(bytes, {
          isFromClient: true,
          longest: 100_000,
          sizes: [first, Infinity],
        }),
        [`text ${text}`],
      );
    }
  }
});

Deno.test("a close says its code, and as much of its reason as fits", () => {
  const close = formatClose({ code: 4001, reason: "é".repeat(100) });
  const frame = formatFrames([{ opcode: Op.Close, bytes: close }], false);
  assertEquals(decode(frame), [`close 4001 ${"é".repeat(61)}`]);
  assertEquals(formatClose({ code: 1005, reason: "no" }).length, 0);
});

/** A socket that gives these pieces, then its end, and keeps what is written. */
function scripted(pieces: readonly Uint8Array[], endless = false) {
  const left = [...pieces];
  const written: Uint8Array[] = [];
  const socket: Socket = {
    read: (buffer) => {
      const piece = left.shift();
      if (!piece) {
        return endless ? new Promise(() => {}) : Promise.resolve(null);
      }
      buffer.set(piece);
      return Promise.resolve(piece.length);
    },
    write: (bytes) => {
      written.push(bytes.slice());
      return Promise.resolve(bytes.length);
    },
    closeWrite: () => Promise.resolve(),
    close: () => {},
  };
  return {
    connection: track(socket, "peer"),
    sent: (isFromClient = false) =>
      decode(concat(written), { isFromClient, longest: 1e6 }),
  };
}

const frameOf = (opcode: number, text: string, isClient = false) =>
  formatFrames([{ opcode, bytes: encode(text) }], isClient);

Deno.test("a ping is answered, and of many that come at once the last one", async () => {
  const pings = concat(["a", "b", "c"].map((text) => frameOf(9, text)));
  const { connection, sent } = scripted([pings, frameOf(1, "x")]);
  const link = createWebSocket(connection, true);
  const [message] = await link.next() ?? [];
  assertEquals(message?.bytes, encode("x"));
  assertEquals(sent(true), ["pong c"]);
});

Deno.test("a message before a fault is given, the fault is told to the peer, and thrown", async () => {
  const bytes = concat([frameOf(1, "last"), hex("c1 00")]);
  const { connection, sent } = scripted([bytes], true);
  const link = createWebSocket(connection, true);
  assertEquals((await link.next())?.length, 1);
  const error = await assertRejects(() => link.next(), Failure);
  assertEquals(error.message, "Cannot receive from peer");
  assertEquals(sent(true), [
    "close 1002 a frame has bits that nobody agreed on",
  ]);
});

Deno.test("a close is given once, its code is sent back, and nothing may be sent behind it", async () => {
  const close = formatFrames([{
    opcode: Op.Close,
    bytes: formatClose({ code: 4000, reason: "bye" }),
  }], true);
  const { connection, sent } = scripted([close]);
  const link = createWebSocket(connection, false);
  assertEquals(await link.next(), undefined);
  assertEquals(link.closed(), { code: 4000, reason: "bye" });
  await link.close();
  await link.close(1000);
  assertEquals(sent(), ["close 4000"]);
  const late = await assertRejects(
    () => link.send([{ isText: true, bytes: encode("late") }]),
    Failure,
  );
  assertEquals(describe(late), "Cannot send to peer: it is closed");
});

Deno.test("an end without a close is an error", async () => {
  const { connection } = scripted([frameOf(1, "x")]);
  const link = createWebSocket(connection, true);
  await link.next();
  const error = await assertRejects(() => link.next(), Failure);
  assert(error.cause instanceof Failure);
  assertEquals([error.cause.message, error.cause.code], [
    "it ended without a close",
    18,
  ]);
});

Deno.test("lines are texts, however they are cut; a long one goes in parts that are one message", async () => {
  const long = "x".repeat(200_000);
  const text = `a\n\nbé\r\n${long}\nlast`;
  for (const size of [1000, 70_000, 1e6]) {
    const { connection, sent } = scripted([]);
    const lines = createLineSender(createWebSocket(connection, true));
    const bytes = encode(text);
    for (let at = 0; at < bytes.length; at += size) {
      await lines.write(bytes.subarray(at, at + size));
    }
    await lines.end();
    await lines.end();
    const texts = sent(true).map((text) => text.replace(long, "long"));
    assertEquals(texts, [
      "text a",
      "text ",
      "text bé\r",
      "text long",
      "text last",
    ]);
  }
  const { connection } = scripted([]);
  const lines = createLineSender(createWebSocket(connection, true));
  const odd = await assertRejects(() => lines.write(hex("61 ff 0a")), Failure);
  assertEquals(describe(odd), "Cannot send a line to peer: it is not UTF-8");
});
