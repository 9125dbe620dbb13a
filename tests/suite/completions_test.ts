import { assertEquals, assertMatch } from "@std/assert";
import { main as get } from "../../tasks/get.ts";
import { main as posts } from "../../tasks/posts.ts";
import { main as server } from "../../tasks/server.ts";
import { type Main, run, spawnProgram, testWith } from "../support.ts";

const COMMANDS: Readonly<Record<string, Main>> = { get, posts, server };

/** What is typed before the Tab key, and what a shell then offers. */
const OFFERS: readonly (readonly [typed: string, offered: string])[] = [
  ["get --foll", "--follow"],
  ["get --follow ", "all none safe same"],
  ["get --follow=al", "all"],
  ["get --http ", "1.1 2"],
  ["get -o /etc/hostn", "/etc/hostname"],
  ["get --session /etc/hostn", "/etc/hostname"],
  ["get --pick /etc/hostn", ""],
  ["get --explain ", "en ko"],
  ["posts cr", "create"],
  ["posts --nd", "--ndjson"],
  ["server rela", "relay"],
  ["server --mess", "--message"],
  ["hark pos", "post posts"],
  ["hark server --onc", "--once"],
];

/** The scripts of all commands for a shell, one after the other. */
async function scriptsFor(shell: string): Promise<string> {
  const scripts = Object.values(COMMANDS).map(async (main) => {
    const { code, stdout, stderr } = await run(main, ["--completions", shell]);
    assertEquals([code, stderr], [0, ""]);
    return stdout;
  });
  return (await Promise.all(scripts)).join("\n");
}

const sorted = (offered: string) =>
  offered.trim().split(/\s+/).toSorted().join(" ");

testWith(
  "bash",
  "bash completes options, their values, files and modes",
  async () => {
    const asked = OFFERS.map(([typed]) =>
      `COMP_WORDS=(${typed.replace(/ $/, " ''").replace("=", " = ")})
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
_hark_of "\${COMP_WORDS[0]}" "\${COMP_WORDS[COMP_CWORD]}"
echo "\${COMPREPLY[*]}"`
    ).join("\n");
    const script = `${await scriptsFor("bash")}
_hark_of() { COMPREPLY=(); $(complete -p "$1" | grep -o '_hark[a-z_]*') "$@"; }
${asked}`;
    const { stdout, stderr } = await spawnProgram("bash", ["-c", script], {
      cwd: "/",
    }).result;
    assertEquals(stderr, "");
    assertEquals(
      stdout.trimEnd().split("\n").map(sorted),
      OFFERS.map(([, offered]) => offered),
    );
  },
);

testWith(
  "bash",
  "bash completes a name with a space, the first value after =, and nothing of a command that it does not know",
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/a file`, "");
      const ask = (words: string, by: string) =>
        `COMPREPLY=(); COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); ${by}; printf '%s|' "\${COMPREPLY[@]}"; echo`;
      const script = [
        await scriptsFor("bash"),
        ask("get -o 'a f'", "_hark_get"),
        ask("get --output = 'a f'", "_hark_get"),
        ask("get --follow =", "_hark_get"),
        ask("hark --help ''", "_hark"),
      ].join("\n");
      const { stdout, stderr } = await spawnProgram("bash", ["-c", script], {
        cwd: folder,
      }).result;
      assertEquals(stderr, "");
      assertEquals(
        stdout,
        "a file|\na file|\nsame|safe|all|none|\n|\n",
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

testWith(
  "fish",
  "fish completes options, their values, files and modes",
  async () => {
    const asked = OFFERS.map(([typed]) =>
      `echo (complete -C '${typed}' | string replace -r '\\t.*' '' | string replace -r '^--.*=' '')`
    ).join("\n");
    const script = `${await scriptsFor("fish")}\n${asked}`;
    const { stdout, stderr } = await spawnProgram("fish", [
      "--no-config",
      "-c",
      script,
    ], { cwd: "/" }).result;
    assertEquals(stderr, "");
    assertEquals(
      stdout.trimEnd().split("\n").map(sorted),
      OFFERS.map(([, offered]) => offered),
    );
  },
);

// zsh offers nothing without a terminal: one of its own types the keys
testWith(
  "zsh",
  "zsh completes options, their values, files and modes",
  async () => {
    const one = OFFERS.filter(([, offered]) => !offered.includes(" "));
    const asked = one.map(([typed, offered]) =>
      `zpty -w -n z ${JSON.stringify(typed)}$'\\t'
zpty -r -m z seen '*${offered}*' && print -r -- ${JSON.stringify(offered)}
zpty -w -n z $'\\x15'`
    ).join("\n");
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/hark.zsh`, await scriptsFor("zsh"));
      const script = `zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'PS1=; autoload -Uz compinit; compinit -u -D; source ${folder}/hark.zsh; print REA''DY'
zpty -r -m z seen '*READY*'
${asked}
zpty -d z`;
      const { stdout, stderr } = await spawnProgram("zsh", ["-fc", script], {
        cwd: "/",
      }).result;
      assertEquals(stderr, "");
      assertEquals(
        stdout.trimEnd().split("\n"),
        one.map(([, offered]) => offered),
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

Deno.test("a shell that is not known is a usage error", async () => {
  const { code, stderr } = await run(get, ["--completions", "csh"]);
  assertEquals(code, 2);
  assertMatch(
    stderr,
    /^get: Cannot use shell "csh": expected bash, zsh or fish\n/,
  );
});
