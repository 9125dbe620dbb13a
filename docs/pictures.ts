/**
 * Makes the pictures of the pages anew: `deno run -A docs/pictures.ts`, or one of them with `terminal` or `page`. The
 * first needs `script` of util-linux, the second `chromium`.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { openBrowser } from "../tests/api/page/browser.ts";
import { ask } from "../tests/api/page/console.ts";
import { startListener } from "../tests/daemon.ts";
import { hasCommand, ROOT } from "../tests/support.ts";
import { draw, type Exchange, runOnTerminal } from "./terminal.ts";

const PORT = "3000";
const HERE = fileURLToPath(new URL(".", import.meta.url));

/** What is typed on the terminal, in this order, while an api in memory listens on port 3000. */
const COMMANDS = [
  "deno task -q post :3000/posts title=Hello body='from hark' userId:=1",
  "deno task -q get --curl :3000/posts userId==1 Authorization:'Bearer s3cret'",
  "deno task -q posts --url :3000 userId=1 --limit 4 --table --fields id,title",
  "deno task -q client --check 3000-3002",
  "deno task -q get example.com < /dev/null",
];

async function drawTerminal(): Promise<void> {
  const session: Exchange[] = [];
  for (const command of COMMANDS) {
    const output = await runOnTerminal(command);
    session.push({ command, output: output.replaceAll(ROOT, "~/hark/") });
  }
  const svg = draw("hark on a terminal", session);
  await Deno.writeTextFile(`${HERE}terminal.svg`, svg);
}

async function drawPage(): Promise<void> {
  await using browser = await openBrowser();
  await browser.send("Emulation.setDeviceMetricsOverride", {
    width: 1280,
    height: 900,
    deviceScaleFactor: 1,
    mobile: false,
  });
  await browser.open(`http://localhost:${PORT}/`);
  const post = '{"title": "Written in the console", "userId": 1}';
  await browser.evaluate(ask("POST", "/posts", post));
  await browser.waitFor(
    `document.getElementById("body").textContent.includes("102")`,
  );
  // the count of posts follows what was sent
  await browser.waitFor(`document.querySelector("td").textContent === "102"`);
  for (const path of ["posts/1/comments", "nope"]) {
    await browser.evaluate(`fetch("/${path}").then((it) => it.text())`);
  }
  await browser.evaluate(ask("GET", "/posts?usrId=1&_limit=2"));
  await browser.waitFor(
    `document.getElementById("why").textContent !== "" &&
      document.getElementById("log").textContent.includes("usrId")`,
  );
  const { data } = await browser.send("Page.captureScreenshot", {
    format: "png",
  });
  const png = Uint8Array.fromBase64(String(data));
  await Deno.writeFile(`${HERE}api.png`, png);
}

const wanted = [
  { name: "terminal", program: "script", draw: drawTerminal },
  { name: "page", program: "chromium", draw: drawPage },
].filter(({ name }) => Deno.args.length === 0 || Deno.args.includes(name));
const missing = wanted.find(({ program }) => !hasCommand(program));
if (missing !== undefined) {
  // deno-lint-ignore no-console
  console.error(
    `Cannot draw the picture "${missing.name}": ${missing.program} is not installed`,
  );
  Deno.exit(1);
}

const api = ["deno", "task", "-q", "api", "--memory", "--port", PORT];
await using _api = await startListener(api, "nowhere", Number(PORT));
for (const { draw } of wanted) await draw();
