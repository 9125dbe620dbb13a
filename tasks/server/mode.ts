/**
 * What `server` does with its clients, as its operands say.
 *
 * @module
 */

import { ExitCode, Failure, UsageError } from "../../lib/cli/errors.ts";
import { type Io, printSafe } from "../../lib/cli/io.ts";
import { formatOptionName, isGiven } from "../../lib/cli/options.ts";
import { asStarted } from "../../lib/cli/start.ts";
import { absolutePath, quote } from "../../lib/cli/values.ts";
import {
  type Address,
  familyOf,
  formatAddress,
  permissionsFor,
  type TcpAddress,
} from "../../lib/net/address.ts";
import {
  receive,
  type Socket,
  track,
  within,
} from "../../lib/net/connection.ts";
import { hostsOf, listen } from "../../lib/net/listen.ts";
import type { WebSocketLink } from "../client/websocket/socket.ts";
import {
  connectFor,
  createScreen,
  discard,
  echo,
  greet,
  pipe,
  relay,
  sendFile,
} from "./handlers.ts";
import {
  addressFor,
  asksForTls,
  isSecureTarget,
  MODES,
  parseTarget,
  SERVER_OPTIONS,
  type ServerOptions,
  splitSides,
  type Target,
} from "./options.ts";
import type { Handler, OpenTarget } from "./serve.ts";

/** How long the target of a relay may take, in ms. */
const CONNECT_MS = 10_000;

/** What a server does with its clients. */
interface Mode {
  readonly handler: Handler;
  /** Whether stdout is the clients': the log then goes to stderr. */
  readonly ownsStdout?: boolean;
  readonly once?: boolean;
  /** Opens a WebSocket at the target of a relay. */
  readonly open?: OpenTarget | undefined;
  /** What it does beside its clients, for ever; where it fails, the server ends. */
  readonly background?: () => Promise<void>;
}

/** Refuses operands that say no mode, or more than it takes. */
async function refuse(operands: readonly string[]): Promise<never> {
  const [name = "", target, extra] = operands;
  const { hintForOperands } = await import("./hints.ts");
  throw new UsageError(
    MODES.includes(name)
      ? `Cannot serve "${name}" with "${
        name === "relay" ? extra : target
      }": it takes ${name === "relay" ? "one target" : "nothing more"}`
      : `Cannot serve "${name}": there is no such mode`,
    { hint: hintForOperands(operands) },
  );
}

/** Refuses those of the named options that were given, and says why in words that follow the name. */
function refuseOptions(
  options: Partial<ServerOptions>,
  names: readonly (keyof ServerOptions)[],
  why: string,
): void {
  const found = names.find((name) =>
    isGiven(SERVER_OPTIONS[name], options[name])
  );
  if (found === undefined) return;
  throw new UsageError(`Cannot use ${formatOptionName(found)} ${why}`);
}

/** Reads the target of a relay; an error has a hint at what was meant. */
async function readTarget(operands: readonly string[]): Promise<Target> {
  try {
    return parseTarget(operands[1] ?? "");
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const { hintForOperands } = await import("./hints.ts");
    throw new UsageError(error.message, { hint: hintForOperands(operands) });
  }
}

/** Whether nobody listens on an address of this machine, so that the server could. */
function isFree({ host, port }: TcpAddress): boolean {
  try {
    Deno.listen({ hostname: host, port }).close();
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether a target is where the server itself listens, however the two are spelled: to listen on the one takes the other,
 * as 0.0.0.0 takes every address of this machine.
 */
async function isSame(
  target: Address,
  options: Partial<ServerOptions>,
): Promise<boolean> {
  const { unix } = options;
  const { host, port } = addressFor(options);
  if ("path" in target) {
    return unix !== undefined && isSameSocket(target.path, unix);
  }
  if (unix !== undefined || target.port !== port) return false;
  try {
    const free = (await hostsOf(target))
      .map((host) => ({ host, port })).filter(isFree);
    const family = familyOf(host, options);
    const listeners = await listen({ host, port }, family);
    const isTaken = !free.every(isFree);
    for (const listener of listeners) listener.close();
    return isTaken;
  } catch {
    // it will be said when the server listens
    return false;
  }
}

/** The same of Unix sockets: while one is there, the path of the other leads to it or does not. */
function isSameSocket(target: string, own: string): boolean {
  if (absolutePath(target) === absolutePath(own)) return true;
  let listener: Deno.Listener | undefined;
  try {
    listener = Deno.listen({ transport: "unix", path: own });
  } catch {
    // one that was left behind is as good
  }
  try {
    const [here, there] = [Deno.statSync(own), Deno.statSync(target)];
    return here.ino === there.ino && here.dev === there.dev;
  } catch {
    return false;
  } finally {
    listener?.close();
  }
}

/**
 * Makes the mode that the operands name.
 *
 * @param operands The mode and, for relay, its target; none for greet.
 * @throws {UsageError} When there is no such mode, or an option or operand does not go with it.
 * @throws {Failure} When a file cannot be read.
 */
export async function createMode(
  operands: readonly string[],
  options: Partial<ServerOptions>,
  io: Io,
): Promise<Mode> {
  const mode = await createPlainMode(operands, options, io);
  if (!options.ws) return mode;
  const { handlerFor } = await import("./websocket/modes.ts");
  const [name = "greet"] = operands;
  const isGreeting = name === "greet" && options.file === undefined;
  const message = isGreeting ? options.message : undefined;
  return { ...mode, handler: handlerFor(name, mode, message) };
}

async function createPlainMode(
  operands: readonly string[],
  options: Partial<ServerOptions>,
  io: Io,
): Promise<Mode> {
  const [name = "greet", target, ...rest] = operands;
  const { message = "", file, wait } = options;
  const extra = name === "relay" ? rest[0] : target;
  if (!MODES.includes(name) || extra !== undefined) await refuse(operands);
  const hasTls = name === "relay" && isSecureTarget(target ?? "");
  if (name !== "greet") {
    const why = `with ${name}: greet alone sends it`;
    refuseOptions(options, ["file", "message"], why);
  }
  if (!hasTls) {
    const why = "without relay tls:HOST:PORT";
    const names = ["ca", "pin", "sni", "targetCert", "targetKey"] as const;
    refuseOptions(options, names, why);
  }
  if (name !== "relay") {
    refuseOptions(options, ["wait", "proxyProtocol"], "without relay");
  }
  if (options.udp && (name === "chat" || name === "relay")) {
    throw new UsageError(
      `Cannot use --udp with ${name}: it serves connections alone`,
    );
  }
  switch (name) {
    case "echo":
      return { handler: echo };
    case "discard":
      return { handler: discard };
    case "relay": {
      const { address, tls, url } = await readTarget(operands);
      const trust = tls
        ? await (await import("../../lib/net/tls/trust.ts")).findTrust(
          splitSides(operands, options).target,
        )
        : undefined;
      const message = `Cannot relay to ${formatAddress(address)}`;
      await requirePermission(address, message);
      if (await isSame(address, options)) {
        throw new UsageError(`${message}: it is where server listens`, {
          hint: options.unix === undefined
            ? `give the relay a port of its own: hark server relay ${
              quote(target ?? "")
            } --port 0`
            : "give the relay a path of its own with --unix",
        });
      }
      const route = {
        timeout: CONNECT_MS,
        tls: trust && { ...trust, isOneOfMany: true },
      };
      const approach = {
        wait: (wait ?? 0) * 1000,
        tellsClient: options.proxyProtocol,
        upgrade: url && ((socket: Socket) => streamTo(socket, url)),
      };
      const handler = relay(address, route, approach);
      const open: OpenTarget | undefined = url &&
        (async (client, signal) => {
          const way = { ...route, signal };
          const socket = await connectFor(client, address, way, approach);
          return await openTarget(socket, url);
        });
      return {
        handler: io.stderr.isTerminal ? hinted(handler, io) : handler,
        open,
      };
    }
    case "pipe": {
      const ended = Promise.withResolvers<void>();
      const handler = pipe(io);
      return {
        ownsStdout: true,
        once: true,
        handler: (connection) =>
          handler(connection).catch((error) => {
            ended.reject(error);
            throw error;
          }),
        background: () => ended.promise,
      };
    }
    case "chat": {
      const { createChat } = await import("./chat.ts");
      const { join, host } = createChat();
      const screen = createScreen(io.stdout);
      return {
        ownsStdout: true,
        handler: join,
        background: async () => {
          if (!options.ws) return await host(io.stdin.read, screen);
          const { asHost } = await import("./websocket/modes.ts");
          await host(...asHost(io.stdin.read, screen));
        },
      };
    }
    default: {
      const handler = file === undefined
        ? greet(message, asksForTls(options))
        : await sendFile(file);
      return { handler: options.udp ? greetOnce(handler, options) : handler };
    }
  }
}

/** Answers a first datagram, and what the same peer sends after that no more. */
function greetOnce(
  handler: Handler,
  { once }: Pick<Partial<ServerOptions>, "once">,
): Handler {
  return async (peer) => {
    await receive(peer, new Uint8Array(peer.socket.message ?? 0));
    await handler(peer);
    if (!once) await discard(peer);
  };
}

/** Opens a WebSocket at the target of a relay. */
async function openTarget(socket: Socket, url: URL): Promise<WebSocketLink> {
  const { openWebSocket } = await import("../client/websocket/upgrade.ts");
  const connection = track(socket, url.host);
  const limit = AbortSignal.timeout(CONNECT_MS);
  const opening = () => openWebSocket(connection, { url });
  return await within(limit, socket, opening);
}

/** The same as a stream of bytes. */
async function streamTo(socket: Socket, url: URL): Promise<Socket> {
  const { streamOfBytes } = await import("./websocket/modes.ts");
  return streamOfBytes(await openTarget(socket, url));
}

/** Tells a person once what would listen at a target where nobody does. */
function hinted(handler: Handler, { stderr }: Pick<Io, "stderr">): Handler {
  let isTold = false;
  return (client) =>
    handler(client).catch(async (error) => {
      const isRefused = error instanceof Failure &&
        error.code === ExitCode.Unreachable && error.hint !== undefined;
      if (isRefused && !isTold) {
        isTold = true;
        await printSafe(stderr, `hint: ${asStarted(error.hint)}\n`);
      }
      throw error;
    });
}

/** What connecting to an address takes, as Deno's permissions and its errors name it. */
function needsOf(address: Address) {
  const { net, read, write } = permissionsFor([address], []);
  const hosts = "path" in address ? net : [formatAddress(address)];
  return [
    ...read.map((path) => ({ name: "read", path } as const)),
    ...write.map((path) => ({ name: "write", path } as const)),
    ...hosts.map((host) => ({ name: "net", host } as const)),
  ];
}

/**
 * Makes sure that an address may be connected to: on a terminal Deno asks.
 *
 * @throws {Failure} The message, with what is not permitted as its cause.
 */
async function requirePermission(
  address: Address,
  message: string,
): Promise<void> {
  for (const need of needsOf(address)) {
    const { state } = await Deno.permissions.request(need);
    if (state === "granted") continue;
    const what = need.name === "net" ? need.host : need.path;
    throw new Failure(message, {
      cause: new Deno.errors.NotCapable(
        `Requires ${need.name} access to "${what}"`,
      ),
    });
  }
}
