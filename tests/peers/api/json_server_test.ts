import { assertEquals } from "@std/assert";
import { run } from "../../program.ts";

/** Where json-server 0.17.4 is checked out: its tests are in no package. */
const sources = Deno.env.get("HARK_JSON_SERVER");

/** What is left out: json-server's start page, and a hook of its library. */
const LEFT_OUT = [
  "plural > Server > Static routes > GET / > should respond with html",
  "plural > Server > Static routes > GET /script.js > should respond with js",
  "plural > Server > Static routes > GET /style.css > should respond with css",
  "plural > Server > router.render > should be possible to wrap response",
];

Deno.test({
  name: `api passes json-server's own tests${
    sources === undefined
      ? " (skipped: HARK_JSON_SERVER names no checkout of json-server 0.17.4)"
      : ""
  }`,
  ignore: sources === undefined,
  async fn() {
    const script = new URL("json_server_suite.ts", import.meta.url).href;
    const { code, stdout, stderr } = await run([
      ...[Deno.execPath(), "run", "-q", "-A", "--no-check", "--no-lock"],
      ...[script, sources ?? ""],
    ]);
    assertEquals([code, stderr], [0, ""]);
    const results = stdout.trimEnd().split("\n").map((line) =>
      JSON.parse(line)
    );
    const failed = results.filter(({ why }) => why !== undefined);
    assertEquals(results.length, 95);
    assertEquals(failed.map(({ name }) => name), LEFT_OUT);
  },
});
