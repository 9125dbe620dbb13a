import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createHandler } from "../../../tasks/api/handler.ts";
import { serveOpenApi } from "../../../tasks/api/openapi/openapi.ts";
import { servePage } from "../../../tasks/api/page/page.ts";
import { serveHttp } from "../../../tasks/api/serve.ts";
import { seed } from "../../../tasks/api/store/seed.ts";
import { openStore } from "../../../tasks/api/store/sqlite.ts";
import { openBrowser } from "../../api/page/browser.ts";
import { ask } from "../../api/page/console.ts";
import { until } from "../../daemon.ts";
import { makeIdentity } from "../../net/identity.ts";
import { testWith } from "../../support.ts";
import {
  formatNginx,
  pickPort,
  startServer,
  withServerFiles,
} from "../servers.ts";

const routes = { "/": servePage, "/openapi.json": serveOpenApi };

/** An api on a port, or on a free one. */
async function serve(port = 0) {
  const store = openStore(":memory:", seed);
  const ended = new AbortController();
  const { signal } = ended;
  const handler = createHandler(store, { routes, signal });
  const server = await serveHttp(handler, { host: "127.0.0.1", port });
  return {
    port: server.port,
    async [Symbol.asyncDispose]() {
      ended.abort();
      await server.shutdown(500);
      store[Symbol.dispose]();
    },
  };
}

/** An nginx before an api: under a path as the manual has it, under one with headers, with TLS, and with a cache. */
const configOf = (
  { folder, api, port, tlsPort, cert, key }: {
    readonly folder: string;
    readonly api: number;
    readonly port: number;
    readonly tlsPort: number;
    readonly cert: string;
    readonly key: string;
  },
) =>
  formatNginx(
    folder,
    `  access_log off;
  proxy_cache_path ${folder}/cache keys_zone=all:1m;
  gzip on;
  gzip_types text/event-stream application/json;
  server {
    listen 127.0.0.1:${port};
    location /api/ { proxy_pass http://127.0.0.1:${api}/; }
    location /v1/api/ {
      proxy_pass http://127.0.0.1:${api}/;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Prefix /v1/api;
    }
    location /kept/ {
      proxy_pass http://127.0.0.1:${api}/;
      proxy_cache all;
      proxy_cache_valid 200 1m;
      proxy_ignore_headers Cache-Control Expires;
      add_header X-Cache $upstream_cache_status;
    }
  }
  server {
    listen 127.0.0.1:${tlsPort} ssl;
    ssl_certificate ${cert};
    ssl_certificate_key ${key};
    location / {
      proxy_pass http://127.0.0.1:${api};
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Proto https;
    }
  }`,
  );

/** Lends an nginx before an api. */
function withProxy(
  use: (urls: { plain: string; tls: string; ca: string }) => Promise<void>,
): Promise<void> {
  return withServerFiles({}, async (folder) => {
    await using api = await serve();
    const { cert, key } = await makeIdentity(folder);
    await Deno.chmod(key, 0o644);
    const [port, tlsPort] = [pickPort(), pickPort()];
    const config = `${folder}/nginx.conf`;
    const places = { folder, api: api.port, port, tlsPort, cert, key };
    await Deno.writeTextFile(config, configOf(places));
    const command = ["nginx", "-e", "stderr", "-p", folder, "-c", config];
    await using _nginx = await startServer(command, { folder, ready: port });
    await use({
      plain: `http://127.0.0.1:${port}`,
      tls: `https://127.0.0.1:${tlsPort}`,
      ca: await Deno.readTextFile(cert),
    });
  });
}

const PROGRAMS = ["nginx", "openssl"];

testWith(
  PROGRAMS,
  "events come at once through an nginx that buffers",
  () =>
    withProxy(async ({ plain }) => {
      const headers = {
        "accept": "text/event-stream",
        "accept-encoding": "gzip",
      };
      for (const place of ["/api", "/v1/api"]) {
        const url = plain + place;
        const response = await fetch(`${url}/posts?userId=1`, { headers });
        const reader = response.body?.pipeThrough(new TextDecoderStream())
          .getReader();
        for (const userId of [2, 1]) {
          const body = JSON.stringify({ userId });
          await (await fetch(`${url}/posts`, { method: "POST", body })).text();
        }
        let text = "";
        while (!text.includes("data: ")) text += (await reader?.read())?.value;
        assertStringIncludes(text, '"document":{"userId":1,');
        await reader?.cancel();
      }
    }),
);

testWith(
  PROGRAMS,
  "Link, Location and /openapi.json lead through nginx, under a path and with TLS",
  () =>
    withProxy(async ({ plain, tls, ca }) => {
      using client = Deno.createHttpClient({ caCerts: [ca] });
      for (const base of [`${plain}/api`, `${plain}/v1/api`, tls]) {
        const page = await fetch(`${base}/posts?_page=2`, { client });
        const [, next = ""] = page.headers.get("link")
          ?.match(/<([^>]*)>; rel="next"/) ?? [];
        await page.body?.cancel();
        assertEquals(new URL(next, page.url).href, `${base}/posts?_page=3`);

        for (const path of ["/posts", "/users/1/posts", "/@a/users/1/posts"]) {
          const init = { method: "POST", body: "{}", client };
          const created = await fetch(base + path, init);
          const to = new URL(
            created.headers.get("location") ?? "",
            created.url,
          );
          const { id } = await created.json();
          const found = await fetch(to, { client });
          assertEquals([found.status, (await found.json()).id], [200, id]);
          assert(to.href.startsWith(`${base}/`), to.href);
        }

        for (const place of ["", "/@a"]) {
          const url = `${base}${place}/openapi.json`;
          const { servers: [own] } = await (await fetch(url, { client }))
            .json();
          assertEquals(new URL(own.url, url).href, `${base}${place}/`);
        }
      }
    }),
);

testWith(
  PROGRAMS,
  "a cache keeps the forms of a response apart: who wants events gets no list",
  () =>
    withProxy(async ({ plain }) => {
      const url = `${plain}/kept/posts`;
      const seen = async (headers: HeadersInit) => {
        const response = await fetch(url, { headers });
        await response.body?.cancel();
        const type = response.headers.get("content-type")?.split(";")[0];
        return [response.status, type, response.headers.get("x-cache")];
      };
      const json = "application/json";
      assertEquals(await seen({}), [200, json, "MISS"]);
      assertEquals(await seen({}), [200, json, "HIT"]);
      assertEquals(await seen({ accept: "text/event-stream" }), [
        200,
        "text/event-stream",
        "MISS",
      ]);
      assertEquals((await seen({ prefer: "status=404" }))[0], 404);
    }),
);

testWith(
  [...PROGRAMS, "chromium"],
  "the page works through nginx, under a path and with TLS",
  () =>
    withProxy(async ({ plain, tls }) => {
      await using browser = await openBrowser("--ignore-certificate-errors");
      for (const base of [`${plain}/api`, `${plain}/v1/api`, tls]) {
        for (const place of ["/", "/@a/"]) {
          await browser.open(base + place);
          await browser.waitFor(`live.textContent === "live"`);
          const shown = "document.getElementById('base').textContent";
          const root = (base + place).replace(/\/$/, "");
          assertEquals(await browser.evaluate(shown), root);
          await browser.evaluate(ask("POST", "/posts", '{"userId":1}'));
          const created = "document.getElementById('status').textContent";
          await browser.waitFor(`${created}.startsWith("201")`);
          await browser.waitFor(`log.textContent.includes("POST")`);
          await browser.evaluate(`document.querySelector("#kinds a").click()`);
          await browser.waitFor(`${created}.startsWith("200")`);
          const links = await browser.evaluate(
            `JSON.stringify([...document.querySelectorAll("nav a")].map((a) => a.href))`,
          );
          for (const link of JSON.parse(`${links}`)) {
            assert(link.startsWith(`${base}/`), link);
          }
        }
      }
      assertEquals(browser.complaints, []);
    }),
);

testWith(
  "chromium",
  "a browser's EventSource loses nothing silently when the api starts again",
  async () => {
    const port = pickPort();
    const url = `http://127.0.0.1:${port}`;
    const post = async (title: string) => {
      const body = JSON.stringify({ title });
      await (await fetch(`${url}/posts`, { method: "POST", body })).text();
    };
    await using browser = await openBrowser();
    const heard = async (): Promise<string[]> =>
      JSON.parse(`${await browser.evaluate("JSON.stringify(heard)")}`);
    {
      await using _api = await serve(port);
      await browser.open(`${url}/db`);
      await browser.evaluate(`
        globalThis.heard = [];
        const events = new EventSource("/posts");
        events.onopen = () => heard.push("open");
        events.onmessage = ({ data }) => {
          const { change, document } = JSON.parse(data);
          heard.push(document?.title ?? change);
        };`);
      await until("the stream to open", async () => (await heard()).length > 0);
      for (const title of ["a", "b"]) await post(title);
      await until("the events", async () => (await heard()).includes("b"));
    }
    await using _api = await serve(port);
    for (const title of ["c", "d", "e", "f"]) await post(title);
    await until("the events", async () => (await heard()).includes("f"));
    assertEquals(
      await heard(),
      ["open", "a", "b", "open", "loaded", "c", "d", "e", "f"],
    );
  },
);
