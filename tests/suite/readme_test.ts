import { assert, assertEquals } from "@std/assert";
import ci from "../../.ci/package.json" with { type: "json" };
import config from "../../deno.json" with { type: "json" };
import { ExitCode } from "../../lib/cli/errors.ts";
import { PERMISSIONS } from "../../tasks/compile.ts";
import { flagsOf, ROOT } from "../support.ts";

/** A README, and what it calls the sections that the code knows too. */
interface Page {
  readonly name: string;
  readonly text: string;
  readonly permissions: string;
  readonly exitCodes: string;
}

const ENGLISH: Page = {
  name: "README.md",
  text: await Deno.readTextFile(`${ROOT}README.md`),
  permissions: "Permissions",
  exitCodes: "Exit codes",
};
const KOREAN: Page = {
  name: "README.ko.md",
  text: await Deno.readTextFile(`${ROOT}README.ko.md`),
  permissions: "권한",
  exitCodes: "종료 코드",
};
const PAGES = [ENGLISH, KOREAN];

/** The text under a heading, up to the next one. */
function sectionOf({ text }: Page, heading: string): string {
  return text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ??
    "";
}

/** The rows of a section's table, without its head. */
function tableOf(page: Page, heading: string): string[][] {
  return sectionOf(page, heading).split("\n")
    .filter((line) => line.startsWith("|")).slice(2)
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

/** The words of a cell that are set as code. */
const codes = (cell = "") =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word);

for (const page of PAGES) {
  const { name, text } = page;

  Deno.test(`${name} shows the two commands first, with the Deno that is tested`, () => {
    const [, first = ""] = text.match(/```sh\n([^]*?)```/) ?? [];
    const commands = first.trimEnd().split("\n").map((line) =>
      line.replace(/ +#.*/, "")
    );
    const deno = `npx -y deno@${ci.dependencies.deno}`;
    assertEquals(commands, [`${deno} task demo`, `${deno} task test`]);
  });

  Deno.test(`${name} has the permissions of deno.json`, () => {
    const rows = tableOf(page, page.permissions).flatMap((
      [tasks, net, files],
    ) =>
      codes(tasks).map((task) => ({
        task,
        net: codes(net),
        files: codes(files),
      }))
    );
    const granted = Object.keys(config.tasks).slice(0, 7).map((task) => {
      const listOf = (kind: string) =>
        flagsOf(task).find((flag) => flag.startsWith(`--allow-${kind}=`))
          ?.replace(/^.*=/, "").split(",") ?? [];
      assertEquals(listOf("read"), listOf("write"));
      return { task, net: listOf("net"), files: listOf("read") };
    });
    assertEquals(rows, granted);
  });

  Deno.test(`${name} has the permissions that compile bakes into binaries`, () => {
    const rows = tableOf(page, page.permissions).flatMap((
      [tasks, , , baked = ""],
    ) =>
      codes(tasks).filter(() => baked !== "").map((task) => [
        task,
        baked.split(", "),
      ])
    );
    assertEquals(Object.fromEntries(rows), PERMISSIONS);
  });

  Deno.test(`${name} has the exit codes of the code`, () => {
    assertEquals(
      tableOf(page, page.exitCodes).map(([code]) => Number(code)),
      Object.values(ExitCode),
    );
  });

  Deno.test(`${name} names files that are there`, async () => {
    const names = [...text.matchAll(/\]\(([^)#:]+)\)/g)].map(([, file]) =>
      file
    );
    assert(names.length > 0);
    const paths = text.matchAll(
      /\b(?:tasks|lib|docs|tests)\/[\w/]+\.(?:ts|js|md)\b/g,
    );
    for (const [path] of paths) if (!path.includes("NAME")) names.push(path);
    for (const file of names) await Deno.stat(`${ROOT}${file}`);
  });
}

Deno.test("README.md has a section for every command", () => {
  for (const name of Object.keys(config.tasks).slice(0, 6)) {
    assert(sectionOf(ENGLISH, name).includes(`deno task ${name}`), name);
  }
});

Deno.test("README.ko.md has the tutorial's six rows", () => {
  const rows = tableOf(KOREAN, "여섯 가지 예제").map(([, command]) =>
    codes(command)[0]?.split(" ").filter((word) => !word.includes(":"))
  );
  assertEquals(rows, [
    ["deno", "task", "server"],
    ["deno", "task", "client"],
    ["deno", "task", "get"],
    ["deno", "task", "post", "title=foo", "body=bar"],
    ["deno", "task", "get", "--raw"],
    ["deno", "task", "posts"],
  ]);
});

Deno.test("README.md defends every package that deno.json names", () => {
  const rows = tableOf(ENGLISH, "Dependencies");
  assertEquals(
    rows.map(([name, target]) => [codes(name)[0], codes(target)[0]]),
    Object.entries(config.imports),
  );
  for (const [name, , defence = ""] of rows) assert(defence.length > 20, name);
});

// spaces count in it, so that a line break would move the text
Deno.test("the picture of a terminal has each line of it on one line", async () => {
  const svg = await Deno.readTextFile(`${ROOT}docs/terminal.svg`);
  const lines = svg.split("\n").filter((line) => line.includes("<text"));
  assert(lines.length > 10);
  for (const line of lines) assert(line.endsWith("</text>"), line);
});
