import { assertEquals } from "@std/assert";
import { createHandler } from "../../../tasks/api/handler.ts";
import { serveOpenApi } from "../../../tasks/api/openapi/openapi.ts";
import { serveHttp } from "../../../tasks/api/serve.ts";
import { seed } from "../../../tasks/api/store/seed.ts";
import { openStore } from "../../../tasks/api/store/sqlite.ts";
import type { Seed } from "../../../tasks/api/store/store.ts";
import { run } from "../../program.ts";
import { hasCommand, withFolder } from "../../support.ts";

const PACKAGES = [
  "@redocly/cli@2.77.0",
  "@stoplight/spectral-cli@6.16.3",
  "openapi-typescript@7.13.0",
  "openapi-fetch@0.17.0",
  "typescript@5.9.3",
];

/** Databases of one's own: lists in documents, texts as ids, names that are hard on code. */
const DATABASES: Readonly<Record<string, Seed>> = {
  seed,
  lists: {
    posts: [
      { id: 1, title: "a", tags: ["x"], meta: { sizes: [[1], [2]] } },
      { id: 2, title: null, tags: [], mixed: [1, "a", { b: 1 }, null] },
      { id: 3, title: "c", tags: ["y"], mixed: "one" },
    ],
    comments: [{ id: 1, postId: 1, lines: [{ sku: "a", qty: 2 }] }],
    profile: { name: "Ada", at: null, none: [] },
  },
  encoded: {
    "$x": [{ id: "k3f", n: 1.5 }],
    "Bücher": [{ id: "b-1", autor: { name: "Ä" } }],
    "글": [{ id: 1, "제목": "가" }],
    "my notes": [{ id: "a b", "x y": 1 }],
  },
  names: {
    "constructor": [{ id: "k3f", a: true }],
    "a.b": [{ id: 1, "c.d": 2 }],
    "blog_posts": [{ id: 1, a_gt: 1, a: 2 }],
    "blogPosts": [{ id: 2 }],
    "2024": [{ id: 1 }],
    "record": [{ id: 1 }],
  },
  empty: {
    empty: [],
    posts: [],
    nothing: {},
    users: [{ id: 1, name: "Ada" }, { id: "two", name: null }],
  },
};

const FETCH = "openapi-fetch";

/** A program that a person who builds on the api would write. */
const CLIENT = `
import createClient from "${FETCH}";
import type { components, paths } from "./seed.d.ts";

type Post = components["schemas"]["posts"];
const { GET, POST, PATCH, DELETE } = createClient<paths, "application/json">({ baseUrl: process.argv[2] ?? "" });
const query = { title_like: "kite", id_gte: 1, userId: [1, 2], _limit: 3 };
const { data: list } = await GET("/posts", { params: { query } });
const [first]: Post[] = Array.isArray(list) ? list : [];
if (first === undefined) throw new Error("none");
const { data: post, response } = await GET("/posts/{id}", { params: { path: { id: first.id } } });
const user = await GET("/users/{id}", { params: { path: { id: post?.userId ?? 1 } } });
const etag = response.headers.get("etag") ?? "";
const { data: added } = await POST("/posts", { body: { title: "new" } });
if (added === undefined || Array.isArray(added)) throw new Error("not added");
const path = { id: added.id };
const params = { path, header: { "If-Match": "*", Prefer: "delay=1" } };
const changed = await PATCH("/posts/{id}", { params, body: { title: "newer" } });
const comments = await GET("/posts/{id}/comments", { params: { path: { id: first.id } } });
await DELETE("/posts/{id}", { params: { path } });
const gone = await GET("/posts/{id}", { params: { path } });
const title: string | undefined = changed.data?.title;
console.log(JSON.stringify([
  first.id === post?.id, etag !== "", user.response.status, title,
  Array.isArray(comments.data), gone.response.status,
]));
`;

const reason = hasCommand("npm") && hasCommand("node")
  ? ""
  : " (skipped: npm or node is absent)";

Deno.test({
  name:
    `linters find no error in /openapi.json, and code that is made of it compiles and runs${reason}`,
  ignore: reason !== "",
  fn: (test) =>
    withFolder(async (folder) => {
      const npm = await run([
        ...["npm", "install", "--prefix", folder, "--no-audit", "--no-fund"],
        ...["--loglevel=error", "--no-package-lock", ...PACKAGES],
      ]);
      if (npm.code !== 0) {
        await test.step({
          name: `skipped: the registry gives no packages: ${npm.stderr}`,
          ignore: true,
          fn() {},
        });
        return;
      }
      const bin = (name: string) => `${folder}/node_modules/.bin/${name}`;
      const names = Object.keys(DATABASES);
      const files = names.map((name) => `${folder}/${name}.json`);
      for (const [at, data] of Object.values(DATABASES).entries()) {
        using store = openStore(":memory:", data);
        const request = new Request("http://localhost:3000/openapi.json");
        const response = await serveOpenApi(request, store);
        await Deno.writeTextFile(files[at] ?? "", await response.text());
      }
      await Deno.writeTextFile(
        `${folder}/spectral.json`,
        '{"extends":["spectral:oas"]}',
      );
      const spectral = run([
        ...[bin("spectral"), "lint", "-F", "error"],
        ...["--display-only-failures"],
        ...["-r", `${folder}/spectral.json`],
        // it fails without a word where a path has a percent sign
        ...files.filter((file) => !file.endsWith("/encoded.json")),
      ]);
      const redocly = run([
        ...[bin("redocly"), "lint", "--extends", "recommended"],
        ...["--format", "summary", ...files],
      ]);
      for (
        const { code, stdout, stderr } of await Promise.all([spectral, redocly])
      ) {
        assertEquals(code, 0, stdout + stderr);
      }
      for (const name of names) {
        const { code, stderr } = await run([
          bin("openapi-typescript"),
          `${folder}/${name}.json`,
          ...["-o", `${folder}/${name}.d.ts`],
        ]);
        assertEquals(code, 0, stderr);
      }
      await Deno.writeTextFile(`${folder}/client.mts`, CLIENT);
      await Deno.writeTextFile(
        `${folder}/node.d.ts`,
        "declare const process: { argv: string[] };",
      );
      const compilerOptions = {
        strict: true,
        target: "es2022",
        module: "nodenext",
        lib: ["es2022", "dom"],
        types: [],
        outDir: "out",
      };
      const sources = ["client.mts", "*.d.ts"];
      await Deno.writeTextFile(
        `${folder}/tsconfig.json`,
        JSON.stringify({ compilerOptions, include: sources }),
      );
      const tsc = await run([bin("tsc"), "-p", folder]);
      assertEquals(tsc.code, 0, tsc.stdout);
      using store = openStore(":memory:", seed);
      await using api = await serveHttp(createHandler(store), {
        host: "127.0.0.1",
        port: 0,
      });
      const client = await run([
        ...["node", `${folder}/out/client.mjs`],
        `http://127.0.0.1:${api.port}`,
      ]);
      assertEquals(
        client.stdout,
        '[true,true,200,"newer",true,404]\n',
        client.stderr,
      );
    }),
});
