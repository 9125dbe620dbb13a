import { assertEquals, assertMatch } from "@std/assert";
import {
  encode,
  listening,
  ROOT,
  spawnProgram,
  testWith,
  withFolder,
} from "../support.ts";

/**
 * A terminal, and a person at it who gives one answer after the other when Deno asks, and presses Ctrl-C when something
 * is shown. Deno drops what is typed at the very moment at which it asks: it is typed again.
 */
const TERMINAL = `
import os, pty, re, select, sys, time
after, until, answers, *command = sys.argv[1:]
answers = answers.split()
child, terminal = pty.fork()
if child == 0:
    os.execv(command[0], command)
shown, typed = "", 0
while True:
    ready = select.select([terminal], [], [], 0.3)[0]
    try:
        if ready:
            part = os.read(terminal, 4096)
            shown += part.decode(errors="replace")
            continue
    except OSError:
        break
    done = len(re.findall("Granted |Denied ", shown))
    if done < len(re.findall("Allow.*> ", shown)) and done < len(answers):
        if typed <= done:
            time.sleep(float(after))
            typed += 1
        os.write(terminal, (answers[done] + "\\n").encode())
    elif until and re.search(until, shown):
        os.write(terminal, b"\\x03")
        until = ""
print(shown, end="")
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(128 - code if code < 0 else code)
`;

/** Runs a command without grants on a terminal. */
async function ask(
  [task = "", ...args]: readonly string[],
  answers: readonly string[],
  { cwd = ROOT, after = 0, until = "" }: {
    readonly cwd?: string;
    /** How long the person takes, in s. */
    readonly after?: number;
    readonly until?: string;
  } = {},
): Promise<{ readonly code: number; readonly stdout: string }> {
  return await spawnProgram("python3", [
    ...["-c", TERMINAL, `${after}`, until, answers.join(" ")],
    ...[Deno.execPath(), "run", `${ROOT}tasks/${task}.ts`, ...args],
  ], { cwd }).result;
}

/** What was asked for, in its order. */
const asked = (text: string) =>
  Array.from(text.matchAll(/requests (.*)\./g), ([, what]) => what);

const answering = () =>
  listening(async (conn) => {
    await conn.write(
      encode("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi\n"),
    );
    await conn.closeWrite();
    await conn.read(new Uint8Array(4096));
  });

testWith(
  "python3",
  "the time that a person takes to answer Deno counts against no timeout",
  async () => {
    await using server = answering();
    const at = `localhost:${server.port}`;
    for (
      const args of [
        ["client", at, "--timeout", "0.3"],
        ["get", `http://${at}/`, "--timeout", "1,1,1"],
      ]
    ) {
      const { code, stdout } = await ask(args, ["y"], { after: 1.2 });
      assertMatch(stdout, /hi\r\n/);
      assertEquals([code, asked(stdout)], [0, [`net access to "${at}"`]]);
    }
  },
);

testWith(
  "python3",
  "a command asks once for each thing that it needs: for a folder, and for a host whose ports are many",
  () =>
    withFolder(async (cwd) => {
      await using server = answering();
      const at = `localhost:${server.port}`;
      const saved = await ask(
        ["get", "-O", `http://${at}/x`],
        Array(3).fill("y"),
        {
          cwd,
        },
      );
      assertEquals([saved.code, asked(saved.stdout)], [0, [
        `net access to "${at}"`,
        'read access to "."',
        'write access to "."',
      ]], saved.stdout);
      assertEquals(await Deno.readTextFile(`${cwd}/x`), "hi\n");
      // what is in a folder is granted with it
      await Deno.writeTextFile(`${cwd}/netrc`, "");
      const kept = await ask(
        ["get", "--session", "s.json", "--netrc", "netrc", `http://${at}/x`],
        Array(4).fill("y"),
        { cwd },
      );
      assertEquals([kept.code, asked(kept.stdout)], [0, [
        `net access to "${at}"`,
        'read access to "."',
        'write access to "."',
      ]], kept.stdout);
      const checked = await ask(["client", "--check", "1,2,3"], ["y"]);
      assertEquals([checked.code, asked(checked.stdout)], [7, [
        'net access to "localhost"',
      ]]);
      const loopbacks = ['net access to "127.0.0.1"', 'net access to "[::1]"'];
      const files = ['read access to "hark.db"', 'write access to "hark.db"'];
      for (
        const [command, needs] of [
          [["server", "-p0"], loopbacks],
          [["api", "--port", "0"], [...loopbacks, ...files]],
        ] as const
      ) {
        const served = await ask(command, needs.map(() => "y"), {
          cwd,
          until: "Listening on .*::1",
        });
        assertEquals([served.code, asked(served.stdout)], [0, needs]);
      }
    }),
);

testWith(
  "python3",
  "a person who says no hears in one line what is not permitted, and the line that permits it",
  () =>
    withFolder(async (cwd) => {
      await using server = answering();
      const at = `localhost:${server.port}`;
      const cases: [string[], string][] = [
        [
          ["client", at],
          `client: Cannot connect to ${at}: net access to ${at} is`,
        ],
        [
          ["get", "-O", `http://${at}/x`],
          `get: Cannot start: net access to ${at} is`,
        ],
        [
          ["client", "--check", "1,2"],
          "client: Cannot start: net access to localhost:1 is",
        ],
      ];
      for (const [args, said] of cases) {
        const { code, stdout } = await ask(args, ["n"], { cwd });
        assertEquals([code, asked(stdout).length], [1, 1], stdout);
        const shown = stdout.slice(stdout.indexOf(said));
        assertMatch(shown, /^.* is not permitted\r\nhint: deno run .*\r\n$/);
      }
    }),
);

testWith(
  "python3",
  "a person who allows all of a kind is asked no more",
  async () => {
    const { code, stdout } = await ask(["client", "--check", "1,2"], ["A"]);
    assertEquals([code, asked(stdout).length], [7, 1], stdout);
    assertMatch(stdout, /localhost:1 closed[^]*localhost:2 closed/);
  },
);

testWith(
  "python3",
  "Ctrl-C where Deno asks ends a command with 130",
  async () => {
    for (const task of ["client", "get"]) {
      const { code, stdout } = await ask([task, "localhost:9"], [], {
        until: "Allow.*> ",
      });
      assertEquals(code, 130);
      assertEquals(asked(stdout).length, 1);
    }
  },
);
