/**
 * Rows of the benchmark about one big transfer: a file sent, bytes received, bytes passed on, with TLS and without.
 *
 * @module
 */

import { getAvailablePort } from "@std/net/get-available-port";
import { type Daemon, startDaemon, startListener } from "../../tests/daemon.ts";
import { makeIdentity } from "../../tests/net/identity.ts";
import { find, run } from "../../tests/program.ts";
import { compileLoad, type Moved, type Used, whyNoLoad } from "./load.ts";
import type { Bench, Contender, Row, Sample } from "./measure.ts";
import {
  type Mover,
  type Places,
  RECEIVERS,
  RELAYS,
  SENDERS,
  SINKS,
  TLS_RECEIVERS,
} from "./movers.ts";

const GB = 1e9;
const GIB = 2 ** 30;

/** A command line under `load run`, which writes what it used into a file. */
function watched(
  load: string,
  report: string,
  command: readonly string[] | string,
): string[] {
  const words = typeof command === "string"
    ? ["sh", "-c", `exec ${command}`]
    : command;
  return [load, "run", report, ...words];
}

function check(json: string | undefined, expected: number): Moved {
  const moved: Moved = JSON.parse(json || "{}");
  if (moved.bytes === expected) return moved;
  throw new Error(`Cannot measure ${moved.bytes} bytes of ${expected}`);
}

/** What a transfer is made with. */
interface Transfer extends Places {
  readonly load: string;
  /** Where a program's use of the machine is written. */
  readonly report: string;
  /** How many bytes are to come. */
  readonly bytes: number;
  /** The other end of a receiver. */
  readonly source?: Daemon;
}

/** Starts a program that listens, and fetches all bytes from it. */
async function fetchFrom(mover: Mover, transfer: Transfer): Promise<Moved> {
  const { load, report, port, bytes } = transfer;
  await using _server = await startListener(
    watched(load, report, mover.command(transfer)),
    port,
  );
  const { stdout } = await run([load, "fetch", port]);
  return check(stdout, bytes);
}

/** Starts a program that listens, and sends all bytes to it. */
async function pushTo(mover: Mover, transfer: Transfer): Promise<Moved> {
  const { load, report, port, bytes } = transfer;
  await using _server = await startListener(
    watched(load, report, mover.command(transfer)),
    port,
  );
  const { stdout } = await run([load, "push", port, `${bytes}`]);
  return check(stdout, bytes);
}

/** Starts a program that receives, and asks the source how long it took. */
async function receiveFrom(mover: Mover, transfer: Transfer): Promise<Moved> {
  const { load, report, bytes, source } = transfer;
  await using receiver = startDaemon(
    watched(load, report, mover.command(transfer)),
  );
  const moved = check(await source?.line(), bytes);
  await receiver.ended;
  return moved;
}

/** Makes contenders of programs, each of which is started anew for every sample. */
function contend(
  movers: readonly Mover[],
  transfer: Omit<Transfer, "port">,
  move: typeof fetchFrom,
): Promise<Contender[]> {
  return Promise.all(movers.map(async (mover): Promise<Contender> => {
    const { name, command } = mover;
    const words = command({ ...transfer, port: "" });
    const [program = ""] = typeof words === "string" ? words.split(" ") : words;
    const sample = async (): Promise<Sample> => {
      const port = String(getAvailablePort());
      const { bytes, ms } = await move(mover, { ...transfer, port });
      const { cpu, rss }: Used = JSON.parse(
        await Deno.readTextFile(transfer.report),
      );
      return { figure: bytes / GB / (ms / 1000), cpu, rss };
    };
    const present = await find(program) !== undefined;
    return { name, sample: present ? sample : undefined };
  }));
}

const transferIn = async (
  { folder }: Bench,
  bytes: number,
): Promise<Omit<Transfer, "port">> => ({
  load: await compileLoad(folder),
  report: `${folder}/used.json`,
  file: `${folder}/bytes`,
  cert: `${folder}/cert.pem`,
  to: "",
  bytes,
});

/** Writes a file that takes its room on the disk. */
export async function writeZeros(path: string, bytes: number): Promise<void> {
  const chunk = new Uint8Array(2 ** 20);
  using file = await Deno.create(path);
  for (let done = 0; done < bytes; done += chunk.length) {
    await file.write(chunk);
  }
}

/** Starts what sends; it says its port first. */
async function startSource(
  { stack }: Bench,
  command: readonly string[],
): Promise<{ readonly source: Daemon; readonly to: string }> {
  const source = stack.use(startDaemon(command, "lines"));
  return { source, to: await source.line() ?? "" };
}

const PYTHON_TLS_SOURCE = `import socket, ssl, sys, time
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
chunk = bytes(262144)
while True:
    client, _ = server.accept()
    begun = time.perf_counter()
    client = context.wrap_socket(client, server_side=True)
    for _ in range(int(sys.argv[3]) // len(chunk)):
        client.sendall(chunk)
    try:
        client = client.unwrap()
        client.recv(1)
    except OSError:
        pass
    ms = (time.perf_counter() - begun) * 1000
    print('{"bytes":%s,"ms":%f}' % (sys.argv[3], ms), flush=True)
    client.close()`;

const common = {
  missing: whyNoLoad,
  rounds: 5,
  warmUp: 1,
} as const;

/** GB/s through one connection. */
export const BYTES_ROWS: readonly Row[] = [
  {
    ...common,
    name: "send",
    unit: "GB/s of a 1 GiB file; cpu in ms; more is better",
    prepare: async (bench) => {
      const bytes = bench.quick ? GIB / 16 : GIB;
      const transfer = await transferIn(bench, bytes);
      await writeZeros(transfer.file, bytes);
      return await contend(SENDERS, transfer, fetchFrom);
    },
  },
  {
    ...common,
    name: "receive",
    unit: "GB/s of 1 GiB to /dev/null; cpu in ms; more is better",
    prepare: async (bench) => {
      const transfer = await transferIn(bench, bench.quick ? GIB / 16 : GIB);
      const command = [transfer.load, "source", `${transfer.bytes}`];
      const source = await startSource(bench, command);
      return await contend(RECEIVERS, { ...transfer, ...source }, receiveFrom);
    },
  },
  {
    ...common,
    name: "discard",
    unit: "GB/s of 1 GiB to nowhere; cpu in ms; more is better",
    prepare: async (bench) => {
      const transfer = await transferIn(bench, bench.quick ? GIB / 16 : GIB);
      return await contend(SINKS, transfer, pushTo);
    },
  },
  {
    ...common,
    name: "relay",
    unit: "GB/s of 1 GiB; cpu in ms; more is better",
    prepare: async (bench) => {
      const transfer = await transferIn(bench, bench.quick ? GIB / 16 : GIB);
      const command = [transfer.load, "source", `${transfer.bytes}`];
      const { to } = await startSource(bench, command);
      return await contend(RELAYS, { ...transfer, to }, fetchFrom);
    },
  },
  {
    ...common,
    name: "tls",
    unit: "GB/s of 512 MiB with TLS to /dev/null; cpu in ms; more is better",
    missing: async () =>
      await whyNoLoad() ??
        (await find("python3") && await find("openssl")
          ? undefined
          : "it needs python3 and openssl"),
    prepare: async (bench) => {
      const transfer = await transferIn(
        bench,
        bench.quick ? GIB / 32 : GIB / 2,
      );
      const { cert, key } = await makeIdentity(bench.folder);
      const command = ["python3", "-c", PYTHON_TLS_SOURCE, cert, key];
      const source = await startSource(bench, [
        ...command,
        `${transfer.bytes}`,
      ]);
      return await contend(
        TLS_RECEIVERS,
        { ...transfer, ...source, cert },
        receiveFrom,
      );
    },
  },
];
