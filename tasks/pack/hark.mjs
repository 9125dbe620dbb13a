#!/usr/bin/env node
/**
 * `hark COMMAND`: starts a command of this package in the Deno that it depends on, with the command's own permissions.
 */

import { spawn } from "node:child_process";
import { readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { delimiter, dirname, join, relative, resolve, sep } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

const FOLDER = dirname(realpathSync(fileURLToPath(import.meta.url)));
const isWindows = process.platform === "win32";
const read = (path) => JSON.parse(readFileSync(path, "utf8"));
const { help, grants } = read(join(FOLDER, "commands.json"));

/** What Deno's own permissions look like; `--allow-host` and the like are options of a command. */
const GRANT =
  /^(--(allow|deny|ignore)-(all|env|ffi|import|net|read|run|sys|write)(=.*)?|--no-prompt|-A|-[NRW](=.*)?)$/s;

const EXAMPLE = "hark get --allow-net=example.com https://example.com/";

const LETTERS = { N: "net", R: "read", W: "write" };

/** The command's permissions and those that were given: one without a list stands for all of its kind. */
function grantsOf(own, given) {
  const long = given.map((grant) =>
    grant.replace(/^-([NRW])/, (_, letter) => `--allow-${LETTERS[letter]}`)
  );
  // Deno refuses another beside -A, and takes of one kind the list where there is one
  if (long.some((grant) => /^(-A|--allow-all)$/.test(grant))) {
    return ["-A", ...long.filter((grant) => !/^(-A|--allow-)/.test(grant))];
  }
  return [...own, ...long].filter((grant) =>
    !grant.includes("=") || !long.includes(grant.replace(/=.*/s, ""))
  );
}

/** A path as it is typed here. */
function typed(path) {
  const below = relative(process.cwd(), path);
  const shown = /^\.\.|:/.test(below) ? path : `./${below}`;
  return shown.replaceAll(sep, "/");
}

function isOwnFile(path) {
  try {
    return dirname(realpathSync(path)) === FOLDER;
  } catch {
    return false;
  }
}

/** The words that start this launcher: `hark`, `npx hark`, or `npx` and what it was asked to fetch. */
function calledBy() {
  const parent = dirname(dirname(FOLDER));
  if (/[\\/]_npx[\\/][^\\/]+$/.test(parent)) {
    const { dependencies, _npx } = read(join(parent, "package.json"));
    const [, file] = /^file:(.*)$/.exec(dependencies.hark) ?? [];
    if (file === undefined) return ["npx", _npx.packages[0]];
    // npx takes what begins with a slash for a program
    const path = typed(resolve(parent, file));
    return ["npx", path.replace(/^(?!\.)/, "file:")];
  }
  if (!/^\.\.|:/.test(relative(parent, process.cwd()))) return ["npx", "hark"];
  // npm adds folders of projects, which the user's shell does not know
  const isInstalled = process.env.PATH?.split(delimiter)
    .filter((folder) => !/node_modules[\\/]\.bin$/.test(folder))
    .some((folder) =>
      isOwnFile(join(folder, "hark")) ||
      isOwnFile(join(folder, "node_modules/hark/hark.mjs"))
    );
  return [isInstalled ? "hark" : typed(process.argv[1])];
}

/** A text in which this launcher is called `hark`, with how it is called here. */
function asCalled(text) {
  const quote = (word) => `'${word.replaceAll("'", "'\\''")}'`;
  const words = calledBy().map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : quote(word)
  );
  return text.replace(/\bhark (?=[A-Za-z-])/g, () => `${words.join(" ")} `);
}

/** Ends with a line that says why, and a hint. */
function fail(code, message, hint) {
  process.stderr.write(`hark: ${message}\nhint: ${asCalled(hint)}\n`);
  process.exitCode = code;
}

/** The program of Deno itself: npm's script for it costs a tenth of a second, and leaves it running when it is ended. */
function findDeno() {
  const { resolve } = createRequire(import.meta.url);
  const folder = dirname(resolve("deno/package.json"));
  const libc = process.platform === "linux" ? "-glibc" : "";
  const name = `@deno/${process.platform}-${process.arch}${libc}`;
  try {
    const found = resolve(`${name}/package.json`, { paths: [folder] });
    return [join(dirname(found), isWindows ? "deno.exe" : "deno")];
  } catch {
    return [process.execPath, join(folder, "bin.cjs")];
  }
}

/** Runs a command to its end: signals reach it, and its exit code is that of this process. */
function run(name, args) {
  const own = args.findIndex((arg) => !GRANT.test(arg));
  const given = own < 0 ? args : args.slice(0, own);
  const script = pathToFileURL(join(FOLDER, "js", `${name}.js`));
  for (const word of calledBy()) script.searchParams.append("as", word);
  const flags = ["--no-config", "--no-lock", ...grantsOf(grants[name], given)];
  const rest = [script.href, ...args.slice(given.length)];
  const [program, ...before] = findDeno();
  const env = { ...process.env, DENO_NO_UPDATE_CHECK: "1" };
  if (env.TERM === "dumb") env.NO_COLOR = "1";
  const options = { stdio: "inherit", env };
  const child = spawn(program, [...before, "run", ...flags, ...rest], options);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) {
    // on Windows the console tells both, and to send a signal is to kill
    process.on(signal, () => isWindows || child.kill(signal));
  }
  // npx and npm tell only their shell, which tells nobody that it ends
  const { ppid } = process;
  const watch = () => process.ppid === ppid || child.kill("SIGTERM");
  if (process.env.npm_command) setInterval(watch, 500).unref();
  child.on("exit", (code, signal) => {
    if (signal === "SIGHUP") {
      // Node crashes when it ends by itself and its terminal is gone
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    }
    process.exit(code ?? 128 + constants.signals[signal]);
  });
  child.on("error", missing);
}

function missing({ message }) {
  const [why] = message.split("\n");
  const { version } = read(join(FOLDER, "package.json"));
  const again = `npm install -g ./hark-${version}.tgz`;
  fail(
    1,
    `Cannot start Deno: ${why}`,
    `install the package once more: ${again}`,
  );
}

/** How many letters of two short words differ; two that are swapped, as in `gte`, are one. */
function distance(one, other) {
  if (one === "" || other === "") return one.length + other.length;
  const [a, b] = [one.slice(1), other.slice(1)];
  if (one[0] === other[0]) return distance(a, b);
  const ways = [distance(a, b), distance(a, other), distance(one, b)];
  const isSwapped = one[0] === b[0] && a[0] === other[0];
  if (isSwapped) ways.push(distance(a.slice(1), b.slice(1)));
  return 1 + Math.min(...ways);
}

function misread(name) {
  const hint = "see hark --help";
  const shown = JSON.stringify(name);
  if (GRANT.test(name)) {
    return fail(2, "Permissions come after the command", `as ${EXAMPLE}`);
  }
  if (name.startsWith("-")) return fail(2, `Unknown option ${shown}`, hint);
  const small = name.toLowerCase();
  const near = Object.keys(grants).find((known) =>
    name.length < 9 && distance(small, known) <= Math.max(1, name.length / 2)
  );
  const guess = near
    ? `did you mean ${near}? `
    : /[:./]/.test(name)
    ? "for a URL: hark get URL; "
    : "";
  fail(2, `Unknown command ${shown}`, guess + hint);
}

const [name = "--help", ...args] = process.argv.slice(2);
try {
  if (Object.hasOwn(grants, name)) run(name, args);
  else if (/^(--version|-V)$/.test(name)) run("get", ["--version"]);
  else if (name === "help" && args.length > 0) {
    if (Object.hasOwn(grants, args[0])) run(args[0], ["--help"]);
    else misread(args[0]);
  } else if (/^(--help|-h|help)$/.test(name)) {
    process.stdout.write(asCalled(help));
  } else misread(name);
} catch (error) {
  missing(error);
}
