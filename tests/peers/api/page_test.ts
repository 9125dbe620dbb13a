import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import type { Middleware } from "../../../tasks/api/middleware/middleware.ts";
import { createHandler } from "../../../tasks/api/handler.ts";
import { serveOpenApi } from "../../../tasks/api/openapi/openapi.ts";
import { servePage } from "../../../tasks/api/page/page.ts";
import { serveHttp } from "../../../tasks/api/serve.ts";
import { isDocument } from "../../../tasks/api/store/document.ts";
import { seed } from "../../../tasks/api/store/seed.ts";
import { openStore } from "../../../tasks/api/store/sqlite.ts";
import type { Seed } from "../../../tasks/api/store/store.ts";
import { findBarriers, loadAxe } from "../../api/page/axe.ts";
import { openBrowser, type Tab } from "../../api/page/browser.ts";
import { ask, click, fill } from "../../api/page/console.ts";
import { hasCommand, testWith } from "../../support.ts";

const routes = { "/": servePage, "/openapi.json": serveOpenApi };

/** An api with its page, on a free port. */
async function serve(
  data: Seed = seed,
  middleware: Middleware[] = [],
  port = 0,
) {
  const store = openStore(":memory:", data);
  const ended = new AbortController();
  const { signal } = ended;
  const handler = createHandler(store, { routes, middleware, signal });
  const server = await serveHttp(handler, { host: "127.0.0.1", port });
  return {
    url: `http://127.0.0.1:${server.port}`,
    port: server.port,
    async [Symbol.asyncDispose]() {
      ended.abort();
      await server[Symbol.asyncDispose]();
      store[Symbol.dispose]();
    },
  };
}

/** What others do meanwhile. */
async function request(url: string, init?: RequestInit): Promise<void> {
  await (await fetch(url, init)).body?.cancel();
}

/** Makes the window so wide. */
async function resize(tab: Tab, width: number, height = 720): Promise<void> {
  const mobile = width < 600;
  const size = { width, height, deviceScaleFactor: 1, mobile };
  await tab.send("Emulation.setDeviceMetricsOverride", size);
}

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
  await waitFor(`document.getElementById("sure").open`);
  await evaluate(click("#yes"));
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
  await waitFor(`${text("body")}.startsWith("retry: 1000")`);

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
  const copied = async (...request: Parameters<typeof fill>) => {
    await evaluate(fill(...request));
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
  const where = await copied("GET", '/posts?_where={"userId":1}');
  assertEquals(where[1], `curl -g '${url}/posts?_where={%22userId%22:1}'`);
  await evaluate(fill("GET", "/posts", "", "no header"));
  await evaluate(click("[data-copy=curl]"));
  assertMatch(String(await evaluate(text("copied"))), /^Cannot copy: expected/);
  const [long] = await copied("POST", "/posts", `{"n":12345678901234567890}`);
  assertEquals(
    long,
    `printf %s '{"n":12345678901234567890}' | deno task post ${url}/posts -`,
  );
  const headers = "Prefer: delay=5\ncontent-type: text/plain";
  assertEquals(await copied("PUT", "/posts/1", `{"a":1}`, headers), [
    `deno task post -X PUT ${url}/posts/1 Prefer:delay=5 content-type:text/plain a:=1`,
    `curl -X PUT ${url}/posts/1 -H 'Prefer: delay=5' -H 'content-type: text/plain' --data-raw '{"a":1}'`,
    `await fetch("${url}/posts/1", ${
      JSON.stringify(
        {
          method: "PUT",
          headers: { Prefer: "delay=5", "content-type": "text/plain" },
          body: `{"a":1}`,
        },
        null,
        2,
      )
    })`,
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

/** Tests the page in a browser with an api of its own. */
function testPage(
  name: string,
  test: (tab: Tab, url: string) => Promise<void>,
  ...given: Parameters<typeof serve>
): void {
  testWith("chromium", name, async () => {
    await using api = await serve(...given);
    await using browser = await openBrowser();
    await resize(browser, 1280);
    await browser.open(api.url);
    await test(browser, api.url);
    assertEquals(browser.complaints, []);
  });
}

/** Complaints about statuses that a test asks for. */
const forget = ({ complaints }: Tab) => {
  const others = complaints.filter((each) => !/status of 4\d\d/.test(each));
  complaints.splice(0, complaints.length, ...others);
};

testPage("what the api knows is said beside the status", async (tab) => {
  const { evaluate, waitFor } = tab;
  const why = text("why");
  for (
    const [method, path, status, said] of [
      [
        "GET",
        "/posts?usrId=1",
        200,
        "usrId is no field here: did you mean userId?",
      ],
      ["GET", "/posts?_sort=titel&x%2Cy=1", 200, "x,y is no field here"],
      [
        "GET",
        "/posts?_sort=titel",
        200,
        "_sort=titel did nothing: did you mean title?",
      ],
      ["GET", "/posts", 200, ""],
      ["GET", "/nope", 404, 'Cannot GET /nope: there is no resource "nope"'],
      ["HEAD", "/nope", 404, 'Cannot HEAD /nope: there is no resource "nope"'],
      ["GET", "/posts?usrId=1&_strict", 400, "Cannot use the query"],
      ["POST", "/posts", 400, "(line 1 column 2)"],
    ] as const
  ) {
    await evaluate(`document.getElementById("status").textContent = ""`);
    await evaluate(ask(method, path, "{"));
    await waitFor(`${text("status")}.startsWith("${status} ")`);
    assertStringIncludes(String(await evaluate(why)), said);
    if (said === "") assertEquals(await evaluate(why), "");
  }
  forget(tab);
});

testPage(
  "a DELETE says what went along",
  async ({ evaluate, waitFor }) => {
    for (
      const [id, said] of [
        [1, "and 4 that referred to it: 3 a, b=c, 1 posts"],
        [2, ""],
      ] as const
    ) {
      await evaluate(`document.getElementById("status").textContent = ""`);
      await evaluate(ask("DELETE", `/users/${id}`));
      await waitFor(`${text("status")}.startsWith("200 OK")`);
      assertEquals(await evaluate(text("why")), said);
    }
  },
  {
    users: [{ id: 1 }, { id: 2 }],
    posts: [{ id: 1, userId: 1 }],
    "a, b=c": [
      { id: 1, userId: 1 },
      { id: 2, postId: 1 },
      { id: 3, postId: 1 },
    ],
  },
);

testWith(
  "chromium",
  "an api that is away is said, and shown as it is once it is back",
  async () => {
    await using browser = await openBrowser();
    const { complaints, evaluate, open, waitFor } = browser;
    let port = 0;
    {
      await using api = await serve({ notes: [{ id: 1 }, { id: 2 }] });
      port = api.port;
      await open(api.url);
      await waitFor(`${text("live")} === "live"`);
      await evaluate(click("#snapshot"));
      await waitFor(`${text("said")}.startsWith("Snapshot taken")`);
    }
    await waitFor(`${text("live")} === "waiting for the api"`);
    await evaluate(click("#snapshot"));
    await waitFor(`${text("said")}.startsWith("Cannot take a snapshot: ")`);
    await evaluate(click("#reset"));
    await waitFor(`document.getElementById("sure").open`);
    assertMatch(String(await evaluate(text("drops"))), / is dropped\. $/);
    await evaluate(click("#yes"));
    await waitFor(`${text("said")}.startsWith("Cannot reset to ")`);
    await evaluate(ask("POST", "/notes", "{}"));
    await waitFor(`${text("status")}.startsWith("No answer: ")`);

    await using _back = await serve({ notes: [{ id: 7 }] }, [], port);
    await waitFor(
      `${text("live")} === "live" && ${countOf("notes")} === "1"`,
    );
    const others = complaints.filter((each) => !each.includes("net::ERR_"));
    assertEquals(others, []);
  },
);

testWith(
  "chromium",
  "below a proxy's path without a slash at its end the page's links stay in it",
  async () => {
    await using api = await serve();
    await using proxy = await serveHttp(({ url, method }) => {
      const { pathname, search } = new URL(url);
      if (!/^\/sub(\/|$)/.test(pathname)) {
        return new Response("", { status: 404 });
      }
      const path = pathname.slice("/sub".length) || "/";
      return fetch(api.url + path + search, {
        method,
        headers: { accept: "text/html" },
      });
    }, { host: "127.0.0.1", port: 0 });
    await using browser = await openBrowser();
    const { evaluate, open } = browser;
    const root = `http://127.0.0.1:${proxy.port}/sub`;
    for (const path of ["", "/", "/@a", "/@a/"]) {
      await open(root + path);
      const hrefs = `[...document.querySelectorAll("a")].map((a) => a.href)`;
      const links = [await evaluate(`${hrefs}.slice(0, 2).join()`)];
      const home = root + path.replace(/\/$/, "");
      assertEquals(links, [`${home}/openapi.json,${home}/db`], path);
    }
  },
);

testPage(
  "a query that names the api's own address keeps it",
  async ({ evaluate, waitFor }, url) => {
    await evaluate(ask("GET", `${url}/posts?title=${url}/x`));
    await waitFor(`${text("status")}.startsWith("200 OK")`);
    assertEquals(
      await evaluate("location.hash"),
      `#GET%20/posts?title=${url}/x`,
    );
  },
);

testPage(
  "headers are sent; events are shown as they come until they are stopped",
  async (tab, url) => {
    const { evaluate, waitFor } = tab;
    const accept = "Accept: application/problem+json\n\n X-Own:  a: b ";
    await evaluate(ask("GET", "/nope", "", accept));
    await waitFor(`${text("body")}.includes('"status": 404')`);
    await evaluate(ask("PATCH", "/posts/1", '{"title":"a"}', 'If-Match: "no"'));
    await waitFor(`${text("status")}.startsWith("412 ")`);
    assertStringIncludes(String(await evaluate(text("why"))), "If-Match");

    for (
      const [fields, said] of [
        ["no header", 'No answer: expected "Name: value", not "no header"'],
        ["a b: c", 'No answer: expected "Name: value", not "a b: c"'],
        ["X-Own: €", "No answer: "],
      ] as const
    ) {
      await evaluate(ask("GET", "/posts/1", "", fields));
      await waitFor(`${text("status")}.startsWith(${JSON.stringify(said)})`);
    }
    await evaluate(ask("GET", "/posts/1", "", "Cookie: a=b"));
    await waitFor(`${text("why")} === "This browser lets no page send Cookie"`);

    const stopped = "document.getElementById('stop').hidden";
    await evaluate(ask("GET", "/posts", "", "Accept: text/event-stream"));
    await waitFor(`!${stopped} && ${text("body")}.includes("retry")`);
    const changed = `${text("body")}.includes('"title":"live"')`;
    const body = '{"title": "live"}';
    await request(`${url}/posts/1`, { method: "PATCH", body });
    await waitFor(changed);
    await evaluate(click("#stop"));
    await waitFor(`${stopped} && ${text("status")}.endsWith(", stopped")`);
    assertEquals(await evaluate(changed), true);

    // one that takes long can be stopped too, and the next one takes its place
    await evaluate(ask("GET", "/slow"));
    await waitFor(`!${stopped}`);
    await evaluate(click("#stop"));
    await waitFor(`${text("status")} === "Stopped before an answer came"`);
    await evaluate(ask("GET", "/slow"));
    await evaluate(ask("GET", "/posts/2"));
    await waitFor(`${text("body")}.includes('"id": 2')`);
    forget(tab);
  },
  seed,
  // it answers when nobody waits any more
  [async (request, next) => {
    if (!request.url.endsWith("/slow")) return await next(request);
    return await new Promise((resolve) =>
      request.signal.addEventListener("abort", () => resolve(new Response()))
    );
  }],
);

testPage(
  "resources, lines of the log and links fill the console, and send what only reads",
  async (tab, url) => {
    const { evaluate, open, waitFor } = tab;
    const body = '{"title": "100 % # mine"}';
    await request(`${url}/albums/7?a=%23%25%20b`);
    await request(`${url}/albums`, { method: "POST", body });
    await waitFor(`document.querySelectorAll("#log li").length === 2`);

    await evaluate(click("#kinds tr:nth-child(5) a"));
    await waitFor(`${text("body")}.includes('"username"')`);
    assertEquals(
      await evaluate("location.pathname + location.hash"),
      "/#GET%20/users",
    );
    assertEquals(
      await evaluate(`document.querySelector("#kinds tr:nth-child(5) a").href`),
      `${url}/users`,
    );
    await evaluate(click("#log li:last-child a"));
    await waitFor(`${text("body")}.includes('"id": 7')`);
    assertEquals(
      await evaluate(`document.getElementById("path").value`),
      "/albums/7?a=%23%25%20b",
    );
    await evaluate(
      `[...document.querySelectorAll("#log a")].find((line) => /POST/.test(line.textContent)).click()`,
    );
    const filled = `(() => {
    const { method, path, body } = document.getElementById("console").elements;
    return [method.value, path.value, body.value].join(" ");
  })()`;
    assert(String(await evaluate(filled)).startsWith("POST /albums "));
    assertEquals(await evaluate("document.activeElement.textContent"), "Send");

    // a write is sent by a person alone: a reload and a link only fill it in
    await evaluate(ask("POST", "/posts?b=%20", body));
    await waitFor(
      `${text("status")}.startsWith("201 ") && ${countOf("posts")} === "101"`,
    );
    const link = String(await evaluate("location.href"));
    for (const page of [link, `${url}/@mine/#DELETE%20/posts/1`, link]) {
      await open("about:blank");
      await open(page);
      await waitFor(`${text("live")} === "live"`);
      assertEquals(await evaluate(text("status")), "");
      if (page === link) {
        assertEquals(await evaluate(filled), `POST /posts?b=%20 ${body}`);
      }
    }
    assertEquals(await evaluate(countOf("posts")), "101");

    // what only reads is sent at once, in a sandbox too
    await open(`${url}/@mine#GET%20/posts/3`);
    await waitFor(`${text("body")}.includes('"id": 3')`);
    await evaluate(`location.hash = "#HEAD /posts/4"`);
    await waitFor(
      `${text("status")}.startsWith("200 ") && ${text("body")} === ""`,
    );
    await evaluate(click("#kinds a"));
    await waitFor(`${text("body")}.includes('"id": 100')`);
    assertEquals(await evaluate("location.hash"), "#GET%20/posts");
    for (const strange of ["#%", "#TRACE /x", "#GET", "#<b>"]) {
      await evaluate(`location.hash = ${JSON.stringify(strange)}`);
    }
  },
);

testPage(
  "Ctrl+Enter and Cmd+Enter send from the body",
  async ({ evaluate, send, waitFor }) => {
    await evaluate(fill("POST", "/posts", '{"title": "keys"}'));
    for (const [modifiers, id] of [[2, 101], [4, 102]]) {
      await evaluate(`document.getElementById("json").focus()`);
      for (const type of ["keyDown", "keyUp"]) {
        await send("Input.dispatchKeyEvent", {
          ...{ type, modifiers, key: "Enter", code: "Enter" },
          windowsVirtualKeyCode: 13,
        });
      }
      await waitFor(`${text("body")}.includes('"id": ${id}')`);
    }
  },
);

testPage(
  "the console comes first, with 26 resources of one's own too",
  async (tab) => {
    const { evaluate } = tab;
    const topOf = (selector: string) =>
      evaluate(
        `document.querySelector("${selector}").getBoundingClientRect().top`,
      );
    for (const width of [320, 768, 1280]) {
      await resize(tab, width);
      for (const selector of ["#try h2", "#path", "#console .main"]) {
        assert(Number(await topOf(selector)) < 600, `${selector} at ${width}`);
      }
      const wide = await evaluate(
        "document.documentElement.scrollWidth <= innerWidth",
      );
      assert(wide, `${width}`);
    }
    assert(Number(await topOf("#requests")) < 720);
    assertEquals(
      await evaluate(
        `document.querySelectorAll("#kinds details[open]").length`,
      ),
      0,
    );
  },
  Object.fromEntries(
    Array.from({ length: 26 }, (_, index) => [
      `resource_of_ones_own_${index}`,
      [Object.fromEntries(
        Array.from({ length: 12 }, (_, at) => [`field_${at}`, at]),
      )],
    ]),
  ),
);

testPage(
  "an answer has colours and folds; the log is filtered, paused and coloured",
  async (tab, url) => {
    const { evaluate, waitFor } = tab;
    const colours = (selector: string) =>
      evaluate(
        `[...new Set([...document.querySelectorAll("${selector}")].map((each) => getComputedStyle(each).color))].length`,
      );
    const raw = await (await fetch(`${url}/todos/1`)).text();
    await evaluate(ask("GET", "/todos/1"));
    await waitFor(`${text("body")} === ${JSON.stringify(raw)}`);
    assertEquals(
      await evaluate(
        `[...document.querySelectorAll("#body span")].map(({ className, textContent }) => className + textContent).slice(0, 4).join(" ")`,
      ),
      'key"userId" value1 key"id" value1',
    );
    assertEquals(await colours("#body span"), 3);

    // 35,002 lines: a part is made when it is opened, and all of them are the whole
    await evaluate(ask("GET", "/photos"));
    await waitFor(`${text("body")}.endsWith("Lines 35,001 to 35,002")`);
    const elements = `document.querySelectorAll("#body *").length`;
    assert(Number(await evaluate(elements)) < 12_000);
    await evaluate(`(async () => {
    for (let closed; (closed = document.querySelector("#body details:not([open])"));) {
      const opened = new Promise((resolve) => closed.addEventListener("toggle", resolve));
      closed.open = true;
      await opened;
    }
  })()`);
    assertEquals(
      await evaluate(
        `[...document.querySelectorAll("#body pre")].map((part) => part.textContent).join("")`,
      ),
      await (await fetch(`${url}/photos`)).text(),
    );
    await evaluate(ask("GET", "/posts", "", "Accept: text/html"));
    await waitFor(`${text("body")}.includes('"userId"')`);
    assertEquals(
      await evaluate(`document.querySelectorAll("#body details").length`),
      0,
    );

    // the log
    await request(`${url}/posts`, { method: "POST", body: "{}" });
    await request(`${url}/posts/1`, { method: "DELETE" });
    const shown =
      `[...document.querySelectorAll("#log li:not([hidden]) a")].map((line) => line.textContent).join()`;
    await waitFor(`${shown}.startsWith("DELETE /posts/1,POST /posts,")`);
    assertEquals(await colours("#log a b"), 3);
    assertMatch(String(await evaluate(text("log"))), /^\d\d:\d\d:\d\d DELETE/);
    const filter = (words: string) =>
      evaluate(`(() => {
    const input = document.getElementById("filter");
    input.value = "${words}";
    input.dispatchEvent(new Event("input"));
    return ${shown};
  })()`);
    assertEquals(await filter("post 201"), "POST /posts");
    await evaluate(click("#pause"));
    await request(`${url}/posts`, { method: "POST", body: "{}" });
    await request(`${url}/nope`);
    await waitFor(
      `${text("pause")} === "Go on (2)" && ${countOf("posts")} === "101"`,
    );
    assertEquals(await evaluate(shown), "POST /posts");
    await evaluate(click("#pause"));
    await waitFor(`${shown} === "POST /posts,POST /posts"`);
    assertEquals(await filter(""), await evaluate(shown));
    assertMatch(String(await evaluate(shown)), /^GET \/nope,POST/);
  },
);

testPage(
  "a snapshot outlives a reload; a reset says what it drops, and asks",
  async (tab, url) => {
    const { evaluate, open, waitFor } = tab;
    const drop = { method: "DELETE" };
    const isOpen = `document.getElementById("sure").open`;
    const canReset = `!document.getElementById("reset").disabled`;
    await evaluate(ask("DELETE", "/todos/1"));
    await waitFor(
      `${text("said")}.startsWith("Snapshot taken before") && ${
        countOf("todos")
      } === "199"`,
    );
    await request(`${url}/todos/2`, drop);
    await open("about:blank");
    await open(url);
    await waitFor(canReset);
    assertMatch(
      String(await evaluate(text("said"))),
      /^Snapshot of .*, [\d.]+MB$/,
    );

    await evaluate(click("#reset"));
    await waitFor(isOpen);
    assertMatch(
      String(await evaluate(text("drops"))),
      /What anyone wrote since .* is dropped. Documents: todos: 198 → 200$/,
    );
    assertEquals(await evaluate("document.activeElement.id"), "no");
    await evaluate(click("#no"));
    assertEquals(await evaluate(isOpen), false);
    assertEquals(await evaluate(countOf("todos")), "198");
    await evaluate(click("#reset"));
    await waitFor(isOpen);
    await evaluate(click("#yes"));
    await waitFor(
      `${text("said")}.startsWith("Reset to") && ${countOf("todos")} === "200"`,
    );

    // a sandbox has its own
    await open(`${url}/@mine/`);
    await waitFor(`${text("live")} === "live"`);
    assertEquals(await evaluate(canReset), false);

    // data of another kind at the same address: the kept one stays until something is changed here
    await request(`${url}/db`, {
      method: "PUT",
      body: '{"notes": [{"id": 1}]}',
    });
    await open(url);
    await waitFor(canReset);
    assertStringIncludes(
      String(await evaluate(text("said"))),
      "of other resources",
    );
    await evaluate(click("#reset"));
    await waitFor(isOpen);
    assertStringIncludes(String(await evaluate(text("drops"))), "notes: 1 → 0");
    await evaluate(click("#no"));
    await evaluate(ask("DELETE", "/notes/1"));
    await waitFor(`${text("said")}.startsWith("Snapshot taken before")`);
  },
);

testPage(
  "a snapshot that is refused or cannot be kept is said",
  async (tab, url) => {
    const { evaluate, open, send, waitFor } = tab;
    const source =
      "Object.defineProperty(globalThis, 'indexedDB', { value: undefined })";
    await send("Page.addScriptToEvaluateOnNewDocument", { source });
    await open("about:blank");
    await open(url);
    await evaluate(click("#snapshot"));
    await waitFor(`${text("said")}.includes("it is gone with this tab")`);
    await evaluate(click("#reset"));
    await waitFor(`document.getElementById("sure").open`);
    await evaluate(click("#yes"));
    await waitFor(
      `${text("said")} === "Cannot reset to 1.2MB: longer than all that fits"`,
    );
    forget(tab);
  },
  seed,
  [(request, next) =>
    request.method === "PUT"
      ? Response.json({ detail: "longer than all that fits" }, { status: 413 })
      : next(request)],
);

testPage(
  "what asks for no page gets the resources, and links are large enough to touch",
  async (tab, url) => {
    const { evaluate } = tab;
    const headers = { accept: "*/*" };
    assertEquals((await (await fetch(`${url}/`, { headers })).json()).posts, {
      url: "/posts",
      count: 100,
    });
    for (const width of [320, 1280]) {
      await resize(tab, width);
      const heights = await evaluate(
        `[...document.querySelectorAll("#kinds a, header a, button, summary, input, select, textarea")]
      .filter((each) => each.checkVisibility()).map((each) => each.getBoundingClientRect().height)`,
      );
      assert(Array.isArray(heights) && heights.length > 20);
      assertEquals(heights.filter((height) => height < 24), []);
    }
  },
);

const axe = hasCommand("chromium") ? await loadAxe() : undefined;
Deno.test({
  name: `axe finds no barrier, in light and dark, on phone and desk${
    axe ? "" : " (skipped: axe-core cannot be had)"
  }`,
  ignore: axe === undefined,
  async fn() {
    await using api = await serve();
    await using browser = await openBrowser();
    const { evaluate, open, send, waitFor } = browser;
    await request(`${api.url}/nope`);
    const check = async (state: string, part: string) =>
      assertEquals(await findBarriers(browser, axe ?? "", part), [], state);
    for (const value of ["light", "dark"]) {
      const features = [{ name: "prefers-color-scheme", value }];
      await send("Emulation.setEmulatedMedia", { features });
      for (const width of [320, 768, 1280]) {
        const state = `${value} at ${width}`;
        await resize(browser, width);
        await open("about:blank");
        const path = state === "light at 1280" ? "todos" : "todos/1";
        await open(`${api.url}/#GET%20/${path}`);
        await waitFor(`${text("body")} !== "" && ${text("log")} !== ""`);
        await evaluate(click("#kinds summary"));
        await evaluate(click("[data-copy=curl]"));
        await check(state, "html");
        await evaluate(ask("POST", "/posts", "{"));
        await waitFor(`${text("status")}.startsWith("400")`);
        await check(`${state}, refused`, "#try, #requests");
        await evaluate(click("#reset"));
        await waitFor(`document.getElementById("sure").open`);
        await check(`${state}, asked`, "#sure");
      }
    }
  },
});
