// deno-coverage-ignore-file
/**
 * axe-core, which finds what people with disabilities could not use on a page.
 *
 * @module
 */

import { run } from "../../program.ts";
import type { Tab } from "./browser.ts";

const PACKAGE = "npm:axe-core@4.11.0";

/** Its script, by way of Deno's cache, or the registry; nothing where neither has it. */
export async function loadAxe(): Promise<string | undefined> {
  const script = `import axe from "${PACKAGE}"; console.log(axe.source)`;
  const code = `data:text/javascript,${encodeURIComponent(script)}`;
  const flags = ["-A", "-q", "--no-check", "--no-config", "--no-lock"];
  const loaded = await run([Deno.execPath(), "run", ...flags, code]);
  return loaded.code === 0 ? loaded.stdout : undefined;
}

/** What it finds in the parts of the page that a selector names: rules, and the elements that break them. */
export async function findBarriers(
  tab: Tab,
  axe: string,
  selector: string,
): Promise<unknown> {
  await tab.send("Runtime.evaluate", { expression: axe });
  const parts = selector.split(", ");
  return await tab.evaluate(`axe.run(${JSON.stringify(parts)})
    .then(({ violations }) => violations.map(({ id, nodes }) =>
      [id, ...nodes.map(({ target }) => target.join(" "))].join(" ")))`);
}
