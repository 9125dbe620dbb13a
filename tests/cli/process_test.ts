import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { Failure } from "../../lib/cli/errors.ts";
import { ClosedOutput } from "../../lib/cli/io.ts";
import { createOutput, type Stream, warningOf } from "../../lib/cli/process.ts";
import { until } from "../daemon.ts";
import {
  type Child,
  encode,
  ROOT,
  spawnDeno,
  type SpawnOptions,
  spawnProgram,
  testWith,
  withFolder,
} from "../support.ts";

const CHILD = ["run", "--no-prompt", `${ROOT}tests/cli/process_child.ts`];

function child(part: string, options: SpawnOptions = {}): Child {
  return spawnDeno([...CHILD, part], options);
}

/** Runs a shell script in which "$@" is the command line of a part. */
function inShell(script: string, part: string): Child {
  const words = [Deno.execPath(), ...CHILD, part];
  return spawnProgram("sh", ["-c", script, "sh", ...words]);
}

/** Runs a Python program whose `sys.argv[1:]` is the command line of a part. */
function inPython(program: string, part: string): Child {
  const words = [Deno.execPath(), ...CHILD, part];
  const env = { NO_COLOR: "" };
  return spawnProgram("python3", ["-c", program, ...words], { env });
}

const FLOOD = "0123456789abcdef".repeat(20 * 4096);

const SIGNALS: [Deno.Signal, number][] = [["SIGINT", 130], ["SIGTERM", 143]];

for (const [signal, code] of SIGNALS) {
  Deno.test(`processIo() ends a command at once on ${signal} with ${code}`, async () => {
    const process = child("wait");
    await process.stdout.waitFor("ready\n");
    process.kill(signal);
    const result = await process.result;
    assertEquals([result.code, result.stdout, result.stderr], [
      code,
      "ready\n",
      "",
    ]);
  });

  Deno.test(`processIo() lets a command that drains finish on ${signal}`, async () => {
    const process = child("drain");
    await process.stdout.waitFor("ready\n");
    process.kill(signal);
    const { code: exitCode, stdout, stderr } = await process.result;
    assertEquals([exitCode, stdout, stderr], [
      0,
      `ready\nstopped by ${code}\n`,
      "",
    ]);
  });
}

Deno.test("processIo() takes a signal that arrives twice at once for one, and ends with 130 on a later one", async () => {
  const process = child("linger");
  await process.stdout.waitFor("ready\n");
  process.kill("SIGTERM");
  process.kill("SIGINT");
  await process.stdout.waitFor("lingers\n");
  process.kill("SIGINT");
  const { code, stderr } = await process.result;
  assertEquals([code, stderr], [130, ""]);
});

testWith(
  "sh",
  "processIo() outlives a terminal when stdout is a file, as under nohup, and no pipe's reader",
  async () => {
    await withFolder(async (folder) => {
      const file = `${folder}/nohup.out`;
      const process = inShell(`exec "$@" </dev/null >${file} 2>&1`, "drain");
      const output = () => Deno.readTextFile(file).catch(() => "");
      await until("a child", async () => await output() === "ready\n");
      process.kill("SIGHUP");
      process.kill("SIGTERM");
      assertEquals((await process.result).code, 0);
      assertEquals(await output(), "ready\nstopped by 143\n");
    });
    const piped = child("drain");
    await piped.stdout.waitFor("ready\n");
    piped.kill("SIGHUP");
    assertEquals((await piped.result).code, 129);
  },
);

testWith(
  "python3",
  "processIo() leaves the end of a terminal that it has to the system",
  async () => {
    const program = `
import os, pty, signal, subprocess, sys, tempfile, time
_, terminal = pty.openpty()
with tempfile.TemporaryFile() as out:
    child = subprocess.Popen(sys.argv[1:], stdin=terminal, stdout=out)
    while os.fstat(out.fileno()).st_size == 0: time.sleep(0.01)
    child.send_signal(signal.SIGHUP)
    sys.exit(child.wait() != -signal.SIGHUP)`;
    assertEquals((await inPython(program, "wait").result).code, 0);
  },
);

Deno.test("processIo() passes bytes from stdin to stdout untouched", async () => {
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  const stdin = [bytes, new Uint8Array([0, 255, 10, 13]), bytes];
  const { code, stdoutBytes } = await child("echo", { stdin }).result;
  assertEquals(code, 0);
  assertEquals(stdoutBytes, new Uint8Array(stdin.flatMap((part) => [...part])));
});

testWith(
  "sh",
  "processIo() says that it is stdin that cannot be read",
  async () => {
    const cases: [string, string][] = [
      ["</", "it is a directory"],
      ["0>/dev/null", "Bad file descriptor"],
    ];
    for (const [stdin, reason] of cases) {
      const { code, stderr } = await inShell(`"$@" ${stdin}`, "echo").result;
      assertEquals([code, stderr], [
        1,
        `child: Cannot read stdin: ${reason}\n`,
      ]);
    }
  },
);

Deno.test("processIo() says that pipes are no terminals, colourless and 80 wide", async () => {
  const { stdout } = await child("facts").result;
  assertEquals(JSON.parse(stdout), [[false], [false, false, 80], [
    false,
    false,
    80,
  ]]);
});

for (const part of ["flood", "later"]) {
  testWith(
    "sh",
    `processIo() ends quietly with 0 when nobody reads on (${part})`,
    async () => {
      const script = '{ "$@"; echo "code $?" >&2; } | head -c 4';
      const { stdout, stderr } = await inShell(script, part).result;
      assertEquals([stdout, stderr], ["0123", "code 0\n"]);
    },
  );

  testWith("sh", `processIo() words a full device (${part})`, async () => {
    const { code, stderr } = await inShell('"$@" >/dev/full', part).result;
    assertEquals([code, stderr], [
      1,
      "child: Cannot write to stdout: no space left on device\n",
    ]);
  });

  testWith(
    "python3",
    `processIo() writes all of it to a small pipe that does not block (${part})`,
    async () => {
      const program = `
import fcntl, os, subprocess, sys
read, write = os.pipe()
fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
os.set_blocking(write, False)
child = subprocess.Popen(sys.argv[1:], stdout=write)
os.close(write)
while data := os.read(read, 65536):
    sys.stdout.buffer.write(data)
sys.exit(child.wait())`;
      const { code, stdout, stderr } = await inPython(program, part).result;
      assertEquals([code, stderr], [0, ""]);
      assert(
        stdout === FLOOD,
        `${stdout.length} of ${FLOOD.length} characters`,
      );
    },
  );
}

testWith(
  "python3",
  "processIo() knows a terminal, its colours and its width",
  async () => {
    const program = `
import fcntl, os, pty, struct, subprocess, sys, termios
main, terminal = pty.openpty()
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 99, 0, 0))
code = subprocess.call(sys.argv[1:], stdin=terminal, stdout=terminal)
sys.stdout.buffer.write(os.read(main, 1000))
sys.exit(code)`;
    const { code, stdout } = await inPython(program, "facts").result;
    assertEquals(code, 0);
    assertEquals(JSON.parse(stdout), [[true], [true, true, 99], [
      false,
      false,
      80,
    ]]);
  },
);

const NEWLINE = 10;

/** Rust's buffer in front of a pipe that does not block: what it took, and what it keeps, when it says that it is full. */
function createPipe(capacity: number) {
  const taken: number[] = [];
  let kept: number[] = [];
  let room = capacity;

  function raw(bytes: readonly number[]): number {
    if (bytes.length > room && (bytes.length <= 4096 || room === 0)) {
      room = capacity;
      throw new Deno.errors.WouldBlock("full");
    }
    const part = bytes.slice(0, room);
    room -= part.length;
    for (const byte of part) taken.push(byte);
    return part.length;
  }

  function flush(): void {
    while (kept.length > 0) kept = kept.slice(raw(kept));
  }

  function keep(bytes: readonly number[]): number {
    const part = bytes.slice(0, 1024 - kept.length);
    kept = [...kept, ...part];
    return part.length;
  }

  function write(bytes: readonly number[]): number {
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end === 0) {
      if (kept.length + bytes.length > 1024) flush();
      return bytes.length >= 1024 ? raw(bytes) : keep(bytes);
    }
    flush();
    const count = raw(bytes.slice(0, end));
    return count + keep(bytes.slice(count, count >= end ? undefined : end));
  }

  const writeSync = (bytes: Uint8Array) => {
    const count = write([...bytes]);
    flush();
    return count;
  };
  const stream: Stream = {
    isTerminal: () => false,
    writeSync,
    write: (bytes) => Promise.resolve(bytes).then(writeSync),
  };
  return { stream, taken };
}

const chunks = fc.array(
  fc.tuple(
    fc.integer({ min: 0, max: 9000 }),
    fc.integer({ min: 1, max: 3000 }),
  ),
  { maxLength: 4 },
).map((sizes) =>
  sizes.map(([size, line]) =>
    Uint8Array.from(
      { length: size },
      (_, at) => at % line === line - 1 ? NEWLINE : at % 251,
    )
  )
);

for (const way of ["write", "writeLater"] as const) {
  Deno.test(`createOutput() loses and repeats nothing in a pipe that is full, for any bytes (${way})`, async () => {
    const capacity = fc.integer({ min: 4096, max: 20_000 });
    await fc.assert(
      fc.asyncProperty(chunks, capacity, async (chunks, capacity) => {
        const { stream, taken } = createPipe(capacity);
        const output = createOutput("stdout", stream);
        for (const chunk of chunks) await output[way](chunk);
        assertEquals(taken, chunks.flatMap((chunk) => [...chunk]));
      }),
      { numRuns: 40 },
    );
  });

  Deno.test(`createOutput() fails rather than to lose count in a pipe that is full for the first time after 64 MiB (${way})`, async () => {
    let room = 64 * 2 ** 20;
    const writeSync = ({ length }: Uint8Array) => {
      if (room === 0) throw new Deno.errors.WouldBlock("full");
      room -= length;
      return length;
    };
    const output = createOutput("stdout", {
      isTerminal: () => false,
      writeSync,
      write: (bytes) => Promise.resolve(bytes).then(writeSync),
    });
    const lines = new Uint8Array(2 ** 20).fill(NEWLINE);
    while (room > 0) await output[way](lines);
    const more = async () => await output[way](lines);
    const error = await assertRejects(more, Failure);
    assertEquals(
      error.message,
      "Cannot write to stdout: it is full and does not block",
    );
  });
}

Deno.test("createOutput() tells a closed stream from one that fails", () => {
  const failing = (error: Error) =>
    createOutput("stdout", {
      isTerminal: () => false,
      write: () => Promise.reject(error),
      writeSync: () => {
        throw error;
      },
    });
  const byte = new Uint8Array(1);
  assertThrows(
    () => failing(new Deno.errors.BrokenPipe()).write(byte),
    ClosedOutput,
  );
  assertThrows(() => failing(new Error("no space")).write(byte), Failure);
});

Deno.test("createOutput() loses what cannot be said on stderr, and nothing else", async () => {
  const errors = [new Deno.errors.BrokenPipe(), new Error("no space")];
  for (const error of errors) {
    const { write, writeLater } = createOutput("stderr", {
      isTerminal: () => false,
      write: () => Promise.reject(error),
      writeSync: () => {
        throw error;
      },
    });
    const lines = new Uint8Array(9999).fill(NEWLINE);
    await write(lines);
    await writeLater(lines);
  }
});

const KEEP_ALIVE =
  "breaks keep-alive and streamed bodies (denoland/deno#36657, #36624)";

const VERSIONS: [deno: string, why: string | undefined][] = [
  ["1.46.3", "cannot load all of it"],
  ["2.4.2", "cannot load all of it"],
  ["2.8.2", "cannot load all of it"],
  ["2.8.3", KEEP_ALIVE],
  ["2.9.0", KEEP_ALIVE],
  ["2.9.5", KEEP_ALIVE],
  ["2.9.5+98f9507", KEEP_ALIVE],
  ["2.9.6", undefined],
  ["2.9.6-rc.1", undefined],
  ["2.9.10", undefined],
  ["2.10.0", undefined],
  ["3.0.0", undefined],
];

for (const [deno, why] of VERSIONS) {
  Deno.test(`an older Deno than hark is made for is named in one line: ${deno}`, () => {
    assertEquals(
      warningOf(deno),
      why === undefined
        ? ""
        : `hark: made for Deno 2.9.6 or later; ${deno} ${why}\n`,
    );
  });
}

Deno.test("processIo() warns once on stderr of an older Deno, and the command goes on", async () => {
  const old = `Object.defineProperty(Deno, "version", {
    value: { ...Deno.version, deno: "2.9.2" },
  });
  const { main } = await import("${new URL(
    "../../tasks/get.ts",
    import.meta.url,
  )}");
  const { processIo } = await import("${new URL(
    "../../lib/cli/process.ts",
    import.meta.url,
  )}");
  Deno.exit(await main(["--version"], processIo()));`;
  const { code, stdout, stderr } = await spawnDeno(["run", "-A", "-"], {
    stdin: old,
  }).result;
  assertEquals(code, 0);
  assertStringIncludes(stdout, "(deno 2.9.2, ");
  assertEquals(stderr, warningOf("2.9.2"));
});

Deno.test("createOutput() begins a line of its own on stderr where stdout is on the same terminal, within a line", async () => {
  for (const isTerminal of [true, false]) {
    let shown = "";
    const writeSync = (bytes: Uint8Array) => {
      shown += new TextDecoder().decode(bytes);
      return bytes.length;
    };
    const stream: Stream = {
      isTerminal: () => isTerminal,
      writeSync,
      write: (bytes) => Promise.resolve(bytes).then(writeSync),
    };
    const stdout = createOutput("stdout", stream);
    const stderr = createOutput("stderr", stream);
    await stdout.write(encode("one"));
    await stderr.write(encode("said\n"));
    await stderr.write(encode(""));
    await stdout.writeLater(encode("two"));
    await stderr.writeLater(encode("said\n"));
    await stdout.write(encode("three\n"));
    await stderr.write(encode("said\n"));
    await stdout.write(encode("four"));
    await stderr.write(encode(""));
    await stdout.write(encode("five"));
    const long = "long\n".repeat(200_000);
    await stderr.write(encode(long));
    assertEquals(
      shown,
      isTerminal
        ? `one\nsaid\ntwo\nsaid\nthree\nsaid\nfour\nfive\n${long}`
        : `onesaid\ntwosaid\nthree\nsaid\nfourfive${long}`,
    );
  }
});
