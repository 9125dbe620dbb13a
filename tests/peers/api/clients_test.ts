import { assertEquals } from "@std/assert";
import { createHandler } from "../../../tasks/api/handler.ts";
import { serveHttp } from "../../../tasks/api/serve.ts";
import { openStore } from "../../../tasks/api/store/sqlite.ts";
import { openBrowser } from "../../api/page/browser.ts";
import { serveHttp as servePages } from "../../http/server.ts";
import { run } from "../../program.ts";
import { hasCommand, ROOT, testWith } from "../../support.ts";

// of ra-core, which needs React, a data provider takes what fetches alone
const NOTHING = "npm:empty-npm-package@1.0.0";
const PACKAGES = {
  private: true,
  dependencies: {
    "@refinedev/simple-rest": "6.0.1",
    "axios": "1.21.1",
    "eventsource": "4.1.1",
    "ra-data-json-server": "5.15.3",
  },
  overrides: {
    "ra-core": "5.15.4",
    "date-fns": NOTHING,
    "inflection": NOTHING,
    "jsonexport": NOTHING,
    "lodash": NOTHING,
    "react-error-boundary": NOTHING,
    "react-is": NOTHING,
  },
};
const FETCHING = `
import * as fetchUtils from "./dist/dataProvider/fetch.js";
export { fetchUtils };
`;
const FLAGS = [
  "--ignore-scripts",
  "--legacy-peer-deps",
  "--no-audit",
  "--no-fund",
  "--no-package-lock",
  "--prefer-offline",
];

/** Puts the clients in a folder, and tells whether npm gave them. */
async function installClients(folder: string): Promise<boolean> {
  const text = JSON.stringify(PACKAGES);
  await Deno.writeTextFile(`${folder}/package.json`, text);
  await Deno.copyFile(
    `${ROOT}tests/peers/api/clients.js`,
    `${folder}/clients.mjs`,
  );
  const install = ["npm", "install", "--prefix", folder, ...FLAGS];
  if ((await run(install)).code !== 0) return false;
  const core = `${folder}/node_modules/ra-core`;
  await Deno.writeTextFile(`${core}/fetching.js`, FETCHING);
  const exports = { type: "module", exports: "./fetching.js" };
  await Deno.writeTextFile(`${core}/package.json`, JSON.stringify(exports));
  return true;
}

const folder = await Deno.makeTempDir({ prefix: "hark-clients-" });
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const isThere = hasCommand("node") && hasCommand("npm") &&
  await installClients(folder);
const reason = isThere ? "" : " (skipped: node, npm or its registry is absent)";

const DATA = {
  posts: [
    { id: 1, title: "first", author: "ann", views: 30, meta: { lang: "en" } },
    { id: 2, title: "second", author: "bob", views: 10, meta: { lang: "ko" } },
    { id: 3, title: "third", author: "ann", views: 20, meta: { lang: "en" } },
    { id: 4, title: "fourth", author: "bob", views: 40, meta: { lang: "ko" } },
    { id: 5, title: "fifth", author: "eve", views: 50, meta: { lang: "de" } },
  ],
  comments: [{ id: 1, postId: 1 }, { id: 2, postId: 2 }, { id: 3, postId: 1 }],
  profile: { name: "typicode" },
};

/** Serves the data on a free port. */
async function serveData() {
  const store = openStore(":memory:", DATA);
  const ended = new AbortController();
  const handler = createHandler(store, { signal: ended.signal });
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

const EXPECTED = {
  reactAdmin: {
    list: [[5, 4], 5],
    page: [[1, 3], 5],
    filter: [[1, 3], 2],
    search: [[3], 1],
    several: [[1, 3], 2],
    nested: [[1, 3], 2],
    one: "second",
    many: [1, 4],
    reference: [[1, 3], 2],
    create: { title: "new", id: 6 },
    update: { title: "put", id: 5 },
    updateMany: [4, 5],
    remove: { status: 404 },
    // it asks each response for its id, and DELETE gives {}, as that of json-server does
    removeMany: [null],
  },
  refine: {
    list: [[3, 4], 5],
    sorters: [[1, 3, 4, 2, 5], 5],
    equal: [[1, 3], 2],
    several: [[1, 3], 2],
    unequal: [[2, 4, 5], 3],
    atLeast: [[1, 3, 4, 5], 4],
    contains: [[1, 3], 2],
    search: [[3], 1],
    one: "second",
    many: [1, 3],
    create: { title: "new", id: 6 },
    update: { ...DATA.posts[2], views: 0 },
    put: { views: 1, id: 3 },
    remove: { status: 404 },
    custom: { name: "typicode" },
  },
  axios: {
    filter: [1, 3],
    brackets: [1, 3],
    indices: [1, 3],
    repeated: [1, 3],
    page: [[1, 2], "5"],
    create: 201,
    form: "form",
    patch: 200,
    stale: { status: 412 },
    remove: { status: 404 },
  },
  eventsource: [
    ["created", "seen"],
    ["changed", "changed"],
    ["deleted", null],
  ],
};

for (const [name, expected] of Object.entries(EXPECTED)) {
  Deno.test({
    name: `${name}, from npm, reads and writes an api${reason}`,
    ignore: !isThere,
    async fn() {
      await using api = await serveData();
      const { code, stdout, stderr } = await run(
        ["node", `${folder}/clients.mjs`, api.url, name],
      );
      assertEquals([code, stderr], [0, ""]);
      assertEquals(JSON.parse(stdout), { [name]: expected });
    },
  });
}

testWith(
  "chromium",
  "a page of another port reads the ETag, and writes where nobody else did",
  async () => {
    await using api = await serveData();
    await using pages = servePages(() =>
      new Response("<title>x</title>", {
        headers: { "content-type": "text/html" },
      })
    );
    await using browser = await openBrowser();
    await browser.open(pages.url);
    const statuses = await browser.evaluate(`(async () => {
      const url = "${api.url}/posts/1";
      const etag = (await fetch(url)).headers.get("etag");
      const patch = async (title) => {
        const headers = { "if-match": etag, "content-type": "application/json" };
        const body = JSON.stringify({ title });
        return (await fetch(url, { method: "PATCH", headers, body })).status;
      };
      return JSON.stringify([etag !== null, await patch("a"), await patch("b")]);
    })()`);
    assertEquals(statuses, "[true,200,412]");
  },
);
