/**
 * The load generator in C, compiled where there is a compiler, and what it says.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { find, run } from "../../tests/program.ts";

/** What `load accept` measured. */
export interface Accepted {
  /** Connections that were served to their end. */
  readonly done: number;
  /** Connections that were not. */
  readonly failed: number;
  /** How long it took, in ms. */
  readonly ms: number;
  /** Half of the connections took at most this long, in ms. */
  readonly p50: number;
  /** 99 of 100 took at most this long, in ms. */
  readonly p99: number;
}

/** What `load fetch` and `load source` measured. */
export interface Moved {
  /** Bytes that went over the connection. */
  readonly bytes: number;
  /** How long it took from the connection to its end, in ms. */
  readonly ms: number;
}

/** What `load run` measured. */
export interface Used {
  /** How long the program ran, in ms. */
  readonly ms: number;
  /** Its CPU time, in ms. */
  readonly cpu: number;
  /** Its peak resident memory, in bytes. */
  readonly rss: number;
}

/** Why there is no generator here; undefined where it can be made. */
export async function whyNoLoad(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "it needs Linux";
  return await find("cc") === undefined ? "it needs cc" : undefined;
}

/** Compiles the generator into a folder and gives its path. */
export async function compileLoad(folder: string): Promise<string> {
  const path = `${folder}/load`;
  const source = fileURLToPath(new URL("./load.c", import.meta.url));
  const { code, stderr } = await run(["cc", "-O2", "-o", path, source]);
  if (code !== 0) throw new Error(`Cannot compile ${source}: ${stderr}`);
  return path;
}
