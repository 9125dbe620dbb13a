import { assert, assertEquals } from "@std/assert";
import ci from "../.ci/package.json" with { type: "json" };
import config from "../deno.json" with { type: "json" };
import { ExitCode } from "../lib/cli/errors.ts";
import { grantsOf } from "../lib/cli/manifest.ts";
import { PERMISSIONS } from "../tasks/dev/compile.ts";
import { ROOT } from "./support.ts";

const README = await Deno.readTextFile(`${ROOT}README.md`);

/** The text under a heading, up to the next one. */
function sectionOf(heading: string): string {
  return README.split(/^## /m).find((part) =>
    part.startsWith(`${heading}\n`)
  ) ??
    "";
}

/** The rows of a section's table, without its head. */
function tableOf(heading: string): string[][] {
  return sectionOf(heading).split("\n")
    .filter((line) => line.startsWith("|")).slice(2)
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

/** The words of a cell that are set as code. */
const codes = (cell = "") =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word);

Deno.test("README shows the two commands first, with the Deno that is tested", () => {
  const [, first = ""] = README.match(/```sh\n([^]*?)```/) ?? [];
  const commands = first.trimEnd().split("\n").map((line) =>
    line.replace(/ +#.*/, "")
  );
  const deno = `npx -y deno@${ci.dependencies.deno}`;
  assertEquals(commands, [`${deno} task demo`, `${deno} task test`]);
});

Deno.test("README has a section for every command", () => {
  for (const name of Object.keys(config.tasks).slice(0, 6)) {
    assert(sectionOf(name).includes(`deno task ${name}`), name);
  }
});

Deno.test("README's permissions are those of deno.json", () => {
  const rows = tableOf("Permissions").flatMap(([tasks, net, files]) =>
    codes(tasks).map((task) => ({ task, net: codes(net), files: codes(files) }))
  );
  const granted = Object.keys(config.tasks).slice(0, 7).map((task) => {
    const { net, read, write } = grantsOf(task);
    assertEquals(read, write);
    return { task, net: [...net], files: [...read] };
  });
  assertEquals(rows, granted);
});

Deno.test("README's permissions of binaries are those that compile bakes", () => {
  const rows = tableOf("Permissions").flatMap(([tasks, , , baked = ""]) =>
    codes(tasks).filter(() => baked !== "").map((task) => [
      task,
      baked.split(", "),
    ])
  );
  assertEquals(Object.fromEntries(rows), PERMISSIONS);
});

Deno.test("README's exit codes are those of the code", () => {
  assertEquals(
    tableOf("Exit codes").map(([code]) => Number(code)),
    Object.values(ExitCode),
  );
});

Deno.test("README defends every package that deno.json names", () => {
  const rows = tableOf("Dependencies");
  assertEquals(
    rows.map(([name, target]) => [codes(name)[0], codes(target)[0]]),
    Object.entries(config.imports),
  );
  for (const [name, , defence = ""] of rows) assert(defence.length > 20, name);
});
