import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { createHandler } from "../../tasks/api/handler.ts";
import { serveOpenApi } from "../../tasks/api/openapi/openapi.ts";
import { servePage } from "../../tasks/api/page/page.ts";
import { serveHttp } from "../../tasks/api/serve.ts";
import { isDocument } from "../../tasks/api/store/document.ts";
import { seed } from "../../tasks/api/store/seed.ts";
import { openStore } from "../../tasks/api/store/sqlite.ts";
import { openBrowser } from "../api/page/browser.ts";
import { ask } from "../api/page/console.ts";
import { testWith } from "../support.ts";

const routes = { "/": servePage, "/openapi.json": serveOpenApi };

/** An api with its page, on a free port. */
async function serve() {
  const store = openStore(":memory:", seed);
  const ended = new AbortController();
  const handler = createHandler(store, { routes, signal: ended.signal });
  const server = await serveHttp(handler, { host: "127.0.0.1", port: 0 });
  return {
    url: `http://127.0.0.1:${server.port}`,
    async [Symbol.asyncDispose]() {
      ended.abort();
      await server[Symbol.asyncDispose]();
      store[Symbol.dispose]();
    },
  };
}

const click = (selector: string) =>
  `document.querySelector(${JSON.stringify(selector)}).click()`;
const text = (id: string) => `document.getElementById("${id}").textContent`;
const countOf = (name: string) =>
  `[...document.querySelectorAll("#kinds tr")].find((row) => row.cells[0].textContent === "${name}")?.cells[1].textContent`;

testWith("chromium", "the page works in a browser", async () => {
  await using api = await serve();
  const nope = await fetch(`${api.url}/nope`);
  await nope.body?.cancel();
  await using browser = await openBrowser();
  const { complaints, evaluate, open, send, waitFor } = browser;
  await open(api.url);

  // counts, and what was asked before the page was opened
  assertEquals(await evaluate(countOf("photos")), "5,000");
  await waitFor(`${text("live")} === "live" && ${text("log")} !== ""`);
  assertMatch(
    String(await evaluate(text("log"))),
    /GET \/nope 404 .* ms .*no resource "nope"/,
  );

  // a POST from the console appears in the list, the log and the count
  await evaluate(ask("POST", "/posts", '{"title": "<b>mine</b>"}'));
  await waitFor(`${text("status")}.startsWith("201 Created")`);
  await waitFor(`${countOf("posts")} === "101"`);
  assertMatch(String(await evaluate(text("log"))), /POST \/posts 201/);
  assertMatch(
    String(await evaluate(text("headers"))),
    /^location: .*\/posts\/101$/m,
  );
  const post = await (await fetch(`${api.url}/posts/101`)).json();
  assertEquals(post, { title: "<b>mine</b>", id: 101 });
  await evaluate(ask("GET", `${api.url}/posts/101`));
  await waitFor(`${text("status")}.startsWith("200 OK")`);
  assertEquals(JSON.parse(String(await evaluate(text("body")))), post);

  // a write of somebody else is counted too
  const other = await fetch(`${api.url}/albums/1`, { method: "DELETE" });
  await other.body?.cancel();
  await waitFor(`${countOf("albums")} === "99"`);
  assertEquals(await evaluate(countOf("photos")), "4,950");

  // reset: the snapshot was taken before the first change made here
  await evaluate(click("#reset"));
  await waitFor(`${text("said")}.startsWith("Reset")`);
  await waitFor(
    `${countOf("posts")} === "100" && ${countOf("photos")} === "5,000"`,
  );
  const gone = await fetch(`${api.url}/posts/101`);
  assertEquals([gone.status, await gone.text()], [404, "{}"]);
  await evaluate(click("#snapshot"));
  await waitFor(`${text("said")}.startsWith("Snapshot taken at")`);
  assertEquals(complaints, []);

  // a refusal: why stands in the log, as text
  await evaluate(ask("POST", "/posts?<i>", '{"title": }'));
  await waitFor(`${text("status")}.startsWith("400 Bad Request")`);
  await waitFor(`${text("log")}.includes("line 1")`);
  assertEquals(
    await evaluate(`document.querySelectorAll("b b, i i, b i").length`),
    0,
  );
  await evaluate(ask("GET", "/events"));
  await waitFor(`${text("body")}.startsWith("(a stream")`);

  // in a sandbox all of it means the sandbox
  await open(`${api.url}/@mine`);
  await evaluate(ask("POST", "/posts", '{"title": "mine"}'));
  await waitFor(`${countOf("posts")} === "101"`);
  assertEquals(
    await evaluate(
      `[...document.querySelectorAll("#log span")].map((path) => path.textContent).join()`,
    ),
    "/@mine/posts,/@mine/db",
  );
  const outside = await fetch(`${api.url}/posts/101`);
  assertEquals([outside.status, await outside.text()], [404, "{}"]);

  // a script from elsewhere does not run
  complaints.length = 0;
  await evaluate(`(() => {
    const script = document.createElement("script");
    script.textContent = "globalThis.injected = true";
    document.body.append(script);
    document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='globalThis.injected = true'>");
  })()`);
  await send("Runtime.evaluate", { expression: "0" });
  assertEquals(await evaluate("globalThis.injected"), undefined);
  assertStringIncludes(complaints.join("\n"), "Content Security Policy");
});

testWith("chromium", "the page copies commands that do the same", async () => {
  await using api = await serve();
  await using browser = await openBrowser();
  const { complaints, evaluate, open } = browser;
  await open(api.url);
  const copied = async (method: string, path: string, body: string) => {
    await evaluate(ask("GET", "/posts/1"));
    await evaluate(`(() => {
      const { elements } = document.getElementById("console");
      elements.method.value = ${JSON.stringify(method)};
      elements.path.value = ${JSON.stringify(path)};
      elements.body.value = ${JSON.stringify(body)};
    })()`);
    const commands: unknown[] = [];
    for (const name of ["hark", "curl", "fetch"]) {
      await evaluate(click(`[data-copy=${name}]`));
      commands.push(await evaluate(text("command")));
    }
    return commands;
  };
  const { url } = api;
  assertEquals(await copied("GET", "posts/1", "x"), [
    `deno task get ${url}/posts/1`,
    `curl ${url}/posts/1`,
    `await fetch("${url}/posts/1")`,
  ]);
  assertEquals(
    await copied("PATCH", "/posts/1?a=it's", `{"title":"it's","userId":1}`),
    [
      `deno task post -X PATCH '${url}/posts/1?a=it%27s' 'title=it'\\''s' userId:=1`,
      `curl -X PATCH '${url}/posts/1?a=it%27s' -H 'content-type: application/json' --data-raw '{"title":"it'\\''s","userId":1}'`,
      `await fetch("${url}/posts/1?a=it%27s", ${
        JSON.stringify(
          {
            method: "PATCH",
            headers: { "content-type": "application/json" },
            body: `{"title":"it's","userId":1}`,
          },
          null,
          2,
        )
      })`,
    ],
  );
  const [bulk, head] = [
    await copied("POST", "/posts", `[{"a":1}]`),
    await copied("HEAD", "/posts", ""),
  ];
  assertEquals(
    bulk[0],
    `printf %s '[{"a":1}]' | deno task post ${url}/posts -`,
  );
  assertEquals(head.slice(0, 2), [
    `deno task get -X HEAD ${url}/posts`,
    `curl -I ${url}/posts`,
  ]);
  assertEquals(complaints, []);
});

testWith(
  "chromium",
  "the page can be used without JavaScript, without eyes, and on a phone",
  async () => {
    await using api = await serve();
    await using browser = await openBrowser();
    const { complaints, evaluate, open, send, waitFor } = browser;

    await send("Emulation.setDeviceMetricsOverride", {
      width: 400,
      height: 800,
      deviceScaleFactor: 1,
      mobile: true,
    });
    await open(api.url);
    await evaluate(ask("GET", "/photos?_limit=5"));
    await waitFor(`${text("status")}.startsWith("200 OK")`);
    assertEquals(await evaluate("document.documentElement.scrollWidth"), 400);

    const { nodes } = await send("Accessibility.getFullAXTree");
    assert(Array.isArray(nodes));
    const named = nodes.flatMap((node: unknown) => {
      if (!isDocument(node) || node.ignored) return [];
      const [role, name] = [node.role, node.name].map((each) =>
        isDocument(each) ? String(each.value) : ""
      );
      return [`${role}: ${name}`];
    });
    const expected = [
      "table: ",
      "rowheader: posts",
      "columnheader: Documents",
      "combobox: Method",
      "combobox: Path",
      "button: Send",
      "log: Requests",
      "region: Body",
      "region: Try it",
    ];
    assertEquals(expected.filter((each) => !named.includes(each)), []);
    assertEquals(
      named.filter((each) =>
        /^(button|link|textbox|combobox|region|log): $/.test(each)
      ),
      [],
    );

    await send("Emulation.setScriptExecutionDisabled", { value: true });
    await open(`${api.url}/@mine/`);
    const shown = String(await evaluate("document.body.innerText"));
    assertStringIncludes(shown, "The console and the log need JavaScript");
    assert(!shown.includes("Try it") && !shown.includes("Take a snapshot"));
    assertEquals(complaints, []);
  },
);
