/**
 * How a command is started from where the user is, so that what helps and hints name runs as it stands.
 *
 * @module
 */

import { percentDecode, quote } from "./values.ts";

/** What is shipped, in the order of deno.json. */
export const COMMANDS = [
  ...["server", "client", "get", "post", "posts", "api"] as const,
];
const SCRIPTS: readonly string[] = [...COMMANDS, "demo"];
/** With what is a task alone. */
const NAMES = [...SCRIPTS, "compile", "bundle", "pack", "bench", "soak"];

/** How this process was started. */
export interface Start {
  /** The URL of the module that was started; its `?as=` is what a launcher is called by, a word each. */
  readonly module: string;
  readonly folder: string;
  readonly binary?: string | undefined;
  /** The words for Deno: npx keeps it where no shell finds it. */
  readonly deno?: readonly string[];
}

function ownStart(): Start {
  const path = Deno.execPath();
  const npx = ["npx", "-y", `deno@${Deno.version.deno}`];
  return {
    module: Deno.mainModule,
    folder: Deno.cwd(),
    binary: Deno.build.standalone ? path : undefined,
    deno: /[\\/]_npx[\\/]/.test(path) ? npx : ["deno"],
  };
}

/** A Unix socket or what api keeps, as it is quoted in a line: `deno run` is to permit it. */
const FILE = /(?<=unix[: ]|^api )(?!-)(?:'[^']*'|[^\s',]+)/;

/** A text in which commands are called `hark get`, with each as it is started here: `deno task get`, `./get`. */
export function asStarted(text: string, start?: Start): string {
  return text.replace(
    new RegExp(`\\bhark (${NAMES.join("|")})\\b((?:(?!hark )[^;])*)`, "g"),
    (_, name, rest) => {
      const [file = ""] = `${name}${rest}`.match(FILE) ?? [];
      const all = file.replace(/^(.*)\.json('?)$/, "$&,$1.db$2");
      const flags = file && ` --allow-read=${all} --allow-write=${all}`;
      return startOf(name, [], start).map(quote).join(" ")
        .replace("--allow-net", (net) => net + flags) + rest;
    },
  );
}

/**
 * The words that start a command as this one was started.
 *
 * @param flags Permissions to grant; a task has its own, so that its script is named instead, by its whole path: the
 * user may stand in a folder below.
 */
export function startOf(
  name: string,
  flags: readonly string[],
  { module, folder, binary, deno = ["deno"] }: Start = ownStart(),
): readonly string[] {
  const own = new RegExp(`\\b(${SCRIPTS.join("|")})\\b(?=[^/]*$)`);
  if (binary !== undefined) {
    return [below(folder, binary.replaceAll("\\", "/").replace(own, name))];
  }
  const { searchParams, protocol, origin, pathname } = new URL(module);
  const launcher = searchParams.getAll("as");
  if (launcher.length > 0) return [...launcher, name, ...flags];
  // each of them needs it, and a task has it
  const run = [...deno, "run", ...flags.length > 0 ? flags : ["--allow-net"]];
  const script = pathname.replace(own, name);
  if (protocol !== "file:") {
    // jsr:@scope/name/get has no origin
    const start = origin === "null" ? protocol : origin;
    return [...run, start + script];
  }
  const path = (percentDecode(script) ?? script)
    .replace(/^\/(?=[A-Za-z]:)/, "");
  const [, file = ""] = pathname.match(/\/(\w+)\.[jt]s$/) ?? [];
  const isScript = SCRIPTS.includes(file);
  const shown = below(folder, path).replace(/^\.\//, "");
  if (isScript && shown !== `tasks/${name}.ts`) return [...run, shown];
  return flags.length === 0
    ? [...deno, "task", name]
    : [...run, isScript ? path : `tasks/${name}.ts`];
}

/** A path as it is typed in a folder: from there where it lies below it, else from the root. */
function below(folder: string, path: string): string {
  const start = folder.replaceAll("\\", "/").replace(/\/?$/, "/");
  return path.startsWith(start) ? `./${path.slice(start.length)}` : path;
}
