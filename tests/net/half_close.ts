// deno-coverage-ignore-file
/**
 * Half-close, round after round: one side ends its input, and the reply to it must arrive all the same.
 *
 * @module
 */

import type { Handler } from "../../tasks/server/serve.ts";
import { type Child, encode, sleep, spawnProgram } from "../support.ts";
import type { Identity } from "./identity.ts";
import {
  type Command,
  type Launch,
  listening,
  listeningPeer,
  type PeerClient,
  type PeerServer,
} from "./peers.ts";

/** A receiver that ends its own side at once, what it has heard in the end, and a stdin that pauses after that. */
export function createReceiver(): {
  readonly handler: Handler;
  readonly heard: Promise<string>;
  readonly stdin: AsyncGenerator<string>;
} {
  const half = Promise.withResolvers<void>();
  const heard = Promise.withResolvers<string>();
  return {
    handler: async ({ socket }) => {
      await socket.closeWrite();
      const buffer = new Uint8Array(64);
      let text = "";
      for (let count; (count = await socket.read(buffer));) {
        text += new TextDecoder().decode(buffer.subarray(0, count));
        half.resolve();
      }
      heard.resolve(text);
    },
    heard: heard.promise,
    stdin: (async function* () {
      yield "one ";
      await half.promise;
      // longer than what was once taken for the end of stdin
      await sleep(250);
      yield "two";
    })(),
  };
}

/** What the rounds share. */
export interface Rounds {
  /** How many. */
  readonly count: number;
  /** How our side is started. */
  readonly launch: Launch;
  /** For TLS. */
  readonly identity: Identity;
}

/** Longer than any round takes, in ms. */
const DEADLINE_MS = 10_000;

/** The text at the end of a request. */
const END = "<the end>";

/** More than one buffer of every peer, with bytes that are no text; every round has its own. */
function requestOf(round: number): Uint8Array<ArrayBuffer> {
  const bytes = Array.from(
    { length: 70_001 },
    (_, at) => (at * 7 + round) % 256,
  );
  return new Uint8Array([...bytes, ...encode(END)]);
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length &&
    left.every((byte, at) => byte === right[at]);
}

type Ended = Pick<Command, "stdout" | "stderr" | "result">;

/** Why a command that should have printed some bytes and ended well has lost some; undefined when it has not. */
async function lossOf(
  command: Ended,
  expected: Uint8Array,
  stop: () => void,
): Promise<string | undefined> {
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    stop();
  }, DEADLINE_MS);
  const { code, stderr, stdoutBytes } = await command.result;
  clearTimeout(timer);
  if (!hung && code === 0 && isSame(stdoutBytes, expected)) return undefined;
  return `${stdoutBytes.length} of ${expected.length} bytes, ${
    hung ? "hung" : `exit ${code}`
  }: ${stderr.trim()}`;
}

/** A text, then the end of input as soon as there is an answer. */
async function* untilAnswered(
  request: string | Uint8Array,
  answer: string,
  output: () => Command["stdout"],
): AsyncGenerator<string | Uint8Array> {
  yield request;
  await output().waitFor(answer).catch(() => {});
}

/** A reply when it is asked for, then the end of input when the client is gone. */
async function* onceAsked(
  asked: Promise<unknown>,
  client: Promise<Command>,
): AsyncGenerator<string> {
  await asked;
  yield "reply";
  await (await client).result;
}

/** Ends a program that may have ended by itself. */
async function end(program: Child): Promise<void> {
  try {
    program.kill("SIGTERM");
  } catch {
    // it has
  }
  await program.result;
}

async function talkOnce(
  peer: PeerServer,
  { launch, identity }: Rounds,
): Promise<string | undefined> {
  const asked = Promise.withResolvers<unknown>();
  const connected = Promise.withResolvers<Command>();
  const listener = spawnProgram(peer.program, peer.args(0, identity), {
    stdin: onceAsked(asked.promise, connected.promise),
  });
  const line = listener.stdout.waitFor("a line\n");
  line.then(asked.resolve, asked.resolve);
  const said = await listener.stderr.waitFor(/Listening on .*\n/);
  const client = launch(
    "client",
    ["--pipe", `127.0.0.1:${said.match(/(\d+)\n/)?.[1]}`],
    untilAnswered("a line\n", "reply", () => client.stdout),
  );
  connected.resolve(client);
  const loss = await lossOf(client, encode("reply"), client.stop);
  if (loss !== undefined) await end(listener);
  const { stdout } = await listener.result;
  return loss ?? (stdout === "a line\n" ? undefined : `nc got "${stdout}"`);
}

/** Our `client --pipe` against a program that listens: what was lost, one text per round that lost something. */
export async function lossesFromServer(
  peer: PeerServer,
  rounds: Rounds,
): Promise<string[]> {
  const { count, launch, identity } = rounds;
  const losses: string[] = [];
  const note = (loss: string | undefined) => {
    if (loss !== undefined) losses.push(loss);
  };
  if (peer.answers === "once") {
    for (let round = 0; round < count; round++) {
      note(await talkOnce(peer, rounds));
    }
    return losses;
  }
  const listener = await listeningPeer(peer, identity);
  const trust = peer.tls ? ["--tls", "--ca", identity.cert] : [];
  const args = ["--pipe", ...trust, `localhost:${listener.port}`];
  for (let round = 0; round < count; round++) {
    if (peer.answers === "after") {
      const request = requestOf(round);
      const client = launch("client", args, request);
      const answer = new Uint8Array([...request, ...encode("reply")]);
      note(await lossOf(client, answer, client.stop));
    } else {
      const line = `line ${round}\n`;
      const answer = peer.answers === "before"
        ? `${line}reply`
        : `${[...line.trim()].reverse().join("")}\n`;
      const client = launch(
        "client",
        args,
        untilAnswered(line, answer, () => client.stdout),
      );
      note(await lossOf(client, encode(answer), client.stop));
    }
  }
  await end(listener.peer);
  return losses;
}

/** A program that connects to what echoes and may add a text at the end: what was lost. */
async function lossesFromClient(
  peer: PeerClient,
  to: { readonly port: number; readonly suffix?: string },
  { count, identity }: Rounds,
): Promise<string[]> {
  const losses: string[] = [];
  for (let round = 0; round < count; round++) {
    const request = requestOf(round);
    const client = spawnProgram(peer.program, peer.args(to.port, identity), {
      stdin: peer.impatient
        ? untilAnswered(request, END, () => client.stdout)
        : request,
    });
    const answer = new Uint8Array([...request, ...encode(to.suffix ?? "")]);
    const loss = await lossOf(client, answer, () => client.kill("SIGKILL"));
    if (loss !== undefined) losses.push(loss);
  }
  return losses;
}

/** The options with which our server speaks TLS, where its client does. */
function tlsOf(
  peer: PeerClient,
  { identity: { cert, key } }: Rounds,
): string[] {
  return peer.tls ? ["--tls", "--cert", cert, "--key", key] : [];
}

/** Programs that connect to our `server echo`: what was lost. */
export async function lossesAtEcho(
  peer: PeerClient,
  rounds: Rounds,
): Promise<string[]> {
  const args = ["echo", ...tlsOf(peer, rounds)];
  const { port, server } = await listening(rounds.launch, args);
  const losses = await lossesFromClient(peer, { port }, rounds);
  server.stop();
  await server.result;
  return losses;
}

/** Programs that connect to our `server relay`, behind which another answers after their end: what was lost. */
export async function lossesAtRelay(
  peer: PeerClient,
  behind: PeerServer,
  rounds: Rounds,
): Promise<string[]> {
  const target = await listeningPeer(behind, rounds.identity);
  const args = ["relay", `127.0.0.1:${target.port}`, ...tlsOf(peer, rounds)];
  const { port, server } = await listening(rounds.launch, args);
  const to = { port, suffix: "reply" };
  const losses = await lossesFromClient(peer, to, rounds);
  server.stop();
  await server.result;
  await end(target.peer);
  return losses;
}

/** Programs that send to our `server pipe`, whose host answers after their end: what either side lost. */
export async function lossesAtPipe(
  peer: PeerClient,
  rounds: Rounds,
): Promise<string[]> {
  const losses: string[] = [];
  for (let round = 0; round < rounds.count; round++) {
    const request = requestOf(round);
    const started = Promise.withResolvers<Command>();
    const { port, server } = await listening(
      rounds.launch,
      ["pipe", ...tlsOf(peer, rounds)],
      afterEnd(started.promise),
    );
    started.resolve(server);
    const client = spawnProgram(
      peer.program,
      peer.args(port, rounds.identity),
      { stdin: request },
    );
    const kill = () => client.kill("SIGKILL");
    const loss = await lossOf(client, encode("reply"), kill) ??
      await lossOf(server, request, server.stop);
    if (loss !== undefined) losses.push(loss);
  }
  return losses;
}

/** A reply when the whole request was printed. */
async function* afterEnd(server: Promise<Command>): AsyncGenerator<string> {
  await (await server).stdout.waitFor(END).catch(() => {});
  yield "reply";
}
