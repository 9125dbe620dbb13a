import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "node:path/posix";
import ci from "../../.ci/package.json" with { type: "json" };
import config from "../../deno.json" with { type: "json" };
import { ExitCode } from "../../lib/cli/errors.ts";
import { createHandler, openStore } from "../../tasks/api.ts";
import { seed } from "../../tasks/api/store/seed.ts";
import { PERMISSIONS } from "../../tasks/compile.ts";
import { flagsOf, readPages, ROOT } from "../support.ts";

/** The six commands and the demo. */
const TASKS = Object.keys(config.tasks).slice(0, 7);

/** The pages by their paths from the root. */
const PAGES = await readPages();

const textOf = (page: string) => PAGES.get(page) ?? "";

/** The text under a heading, up to the next one. */
function sectionOf(page: string, heading: string): string {
  return textOf(page).split(/^## /m)
    .find((part) => part.startsWith(`${heading}\n`)) ?? "";
}

/** The rows of a section's table, without its head. */
function tableOf(page: string, heading: string): string[][] {
  return sectionOf(page, heading).split("\n")
    .filter((line) => line.startsWith("|")).slice(2)
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

/** The words of a cell that are set as code. */
const codes = (cell = "") =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word);

/** A heading as GitHub names it in links: `Two ways to a server` is `two-ways-to-a-server`. */
const anchorOf = (heading: string) =>
  heading.toLowerCase().replace(/[^\p{L}\p{N}\- ]/gu, "").replaceAll(" ", "-");

const anchorsOf = (page: string) =>
  [...textOf(page).matchAll(/^#+ (.+)$/gm)]
    .map(([, heading = ""]) => anchorOf(heading));

for (const page of ["README.md", "README.ko.md"]) {
  Deno.test(`${page} shows the two commands first, with the Deno that is tested`, () => {
    const [, first = ""] = textOf(page).match(/```sh\n([^]*?)```/) ?? [];
    const commands = first.trimEnd().split("\n").map((line) =>
      line.replace(/ +#.*/, "")
    );
    const deno = `npx -y deno@${ci.dependencies.deno}`;
    assertEquals(commands, [`${deno} task demo`, `${deno} task test`]);
  });

  Deno.test(`${page} names every command, and links its page`, () => {
    for (const name of TASKS.slice(0, 6)) {
      assert(textOf(page).includes(`deno task ${name}`), name);
      assert(textOf(page).includes(`(docs/${name}.md)`), name);
    }
  });
}

Deno.test("README.md is read in a few minutes", () => {
  assert(textOf("README.md").length <= 9000, `${textOf("README.md").length}`);
});

for (
  const [page, permissions, exitCodes] of [
    ["docs/permissions.md", "Permissions", "Exit codes"],
    ["README.ko.md", "권한", "종료 코드"],
  ] as const
) {
  Deno.test(`${page} has the permissions of deno.json`, () => {
    const rows = tableOf(page, permissions).flatMap((
      [tasks, net, files],
    ) =>
      codes(tasks).map((task) => ({
        task,
        net: codes(net),
        files: codes(files),
      }))
    );
    const granted = TASKS.map((task) => {
      const listOf = (kind: string) =>
        flagsOf(task).find((flag) => flag.startsWith(`--allow-${kind}=`))
          ?.replace(/^.*=/, "").split(",") ?? [];
      assertEquals(listOf("read"), listOf("write"));
      return { task, net: listOf("net"), files: listOf("read") };
    });
    assertEquals(rows, granted);
  });

  Deno.test(`${page} has the permissions that compile bakes into binaries`, () => {
    const rows = tableOf(page, permissions).flatMap((
      [tasks, , , baked = ""],
    ) =>
      codes(tasks).filter(() => baked !== "").map((task) => [
        task,
        baked.split(", "),
      ])
    );
    assertEquals(Object.fromEntries(rows), PERMISSIONS);
  });

  Deno.test(`${page} has the exit codes of the code`, () => {
    assertEquals(
      tableOf(page, exitCodes).map(([code]) => Number(code)),
      Object.values(ExitCode),
    );
  });
}

Deno.test("docs/api.md shows queries that mean something", async () => {
  using store = openStore(":memory:", seed);
  const handler = createHandler(store);
  const rows = tableOf("docs/api.md", "Reading").flat();
  const queries = rows.flatMap(codes).filter((word) => word.includes("="));
  assert(queries.length > 15, `${queries.length}`);
  for (const query of queries) {
    const url = `http://localhost:3000/posts?${query}&_strict`;
    const response = await handler(new Request(url));
    assertEquals(response.status, 200, await response.text());
  }
});

Deno.test("README.md permits in short what docs/permissions.md has in full", () => {
  const short = new Map(
    tableOf("README.md", "Permissions").flatMap(([tasks, net = "", files]) =>
      codes(tasks).map((task) => [task, { net, files: codes(files) }])
    ),
  );
  const rows = tableOf("docs/permissions.md", "Permissions");
  for (const [tasks, net, files] of rows) {
    for (const task of codes(tasks).filter((task) => task !== "demo")) {
      const found = short.get(task);
      assert(found !== undefined, task);
      const hosts = found.net.replace(
        "this machine",
        "localhost and 127.0.0.1 and [::1]",
      ).split(" and ");
      assertEquals([hosts, found.files], [codes(net), codes(files)], task);
    }
  }
});

for (const [page, text] of PAGES) {
  Deno.test(`${page} names files and headings that are there`, async () => {
    for (const [, link = ""] of text.matchAll(/\]\(([^)]+)\)/g)) {
      if (/^https?:/.test(link)) continue;
      const [file = "", anchor] = link.split("#");
      const path = file === "" ? page : join(dirname(page), file);
      await Deno.stat(ROOT + path);
      if (anchor !== undefined) {
        assert(anchorsOf(path).includes(anchor), `${path} has no #${anchor}`);
      }
    }
    const paths = text.replaceAll("./hark/", "").matchAll(
      /\b(?:tasks|lib|docs|tests)\/[\w/]+\.(?:ts|js|md|svg|png)\b/g,
    );
    for (const [path] of paths) {
      if (!path.includes("NAME")) await Deno.stat(ROOT + path);
    }
  });
}

Deno.test("README.ko.md has the tutorial's six rows", () => {
  const rows = tableOf("README.ko.md", "여섯 가지 예제").map(([, command]) =>
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

Deno.test("docs/design.md defends every package that deno.json names", () => {
  const rows = tableOf("docs/design.md", "Dependencies");
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
