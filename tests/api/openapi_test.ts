import { assert, assertEquals, assertMatch } from "@std/assert";
import { createHandler } from "../../tasks/api/handler.ts";
import { describeApi, serveOpenApi } from "../../tasks/api/openapi/openapi.ts";
import { describe, schemaOf } from "../../tasks/api/openapi/schema.ts";
import { type Document, isDocument } from "../../tasks/api/store/document.ts";
import { resources } from "../../tasks/api/store/schema.ts";
import { seed } from "../../tasks/api/store/seed.ts";
import { openStore } from "../../tasks/api/store/sqlite.ts";

const origin = "http://localhost:3000";
const methods = ["get", "put", "post", "delete", "patch"];
const odd = {
  "my {notes}": [{ id: "a", size: 1.5, q: "x", tags: ["b"] }, { id: 2 }],
  "postIds": [],
  "posts": [{ id: 1, title: 7 }],
  "comments": [{ id: 1, postId: 1 }],
  "Problem": { name: "Ada", at: null },
};

/** An object in a document, by a path of names. */
function read(value: unknown, ...names: string[]): Document {
  for (const name of names) value = isDocument(value) ? value[name] : undefined;
  assert(isDocument(value), `${names.join(" > ")} is no object`);
  return value;
}

function operations(document: Document) {
  return Object.entries(read(document, "paths")).flatMap(([path, item]) =>
    Object.keys(read(item)).filter((key) => methods.includes(key))
      .map((method) => ({
        path,
        method,
        operation: read(item, method),
        own: read(item).parameters,
      }))
  );
}

/** All objects in a value. */
function* walk(value: unknown): Generator<Document> {
  if (isDocument(value)) yield value;
  if (typeof value !== "object" || value === null) return;
  for (const child of Object.values(value)) yield* walk(child);
}

function resolve(document: Document, value: unknown): Document {
  const { $ref } = read(value);
  return typeof $ref === "string"
    ? read(document, ...$ref.replace(/^#\//, "").split("/"))
    : read(value);
}

/** What OpenAPI 3.1.0 asks of a document, as far as this one has it (sections 4.8.1 to 4.8.24). */
function assertValid(document: Document): void {
  assertEquals(document.openapi, "3.1.0");
  const { title, version } = read(document, "info");
  assert(typeof title === "string" && typeof version === "string");
  const types = /^(null|boolean|object|array|number|string|integer)$/;
  for (const each of walk(document)) {
    if ("$ref" in each) resolve(document, each);
    const { type } = each;
    const names = Array.isArray(type) ? type : [type];
    if (typeof type === "string" || Array.isArray(type)) {
      for (const name of names) assertMatch(String(name), types);
    }
  }
  for (
    const [part, components] of Object.entries(read(document, "components"))
  ) {
    assertMatch(part, /^(schemas|responses|parameters)$/);
    for (const key of Object.keys(read(components))) {
      assertMatch(key, /^[a-zA-Z0-9._-]+$/);
    }
  }
  const ids = new Set<unknown>();
  for (const { path, operation, own = [] } of operations(document)) {
    assertMatch(path, /^\//);
    const { operationId, parameters = [], responses, requestBody } = operation;
    assert(typeof operationId === "string" && !ids.has(operationId), path);
    ids.add(operationId);
    assert(Array.isArray(parameters) && Array.isArray(own));
    const found = [...own, ...parameters].map((each) =>
      resolve(document, each)
    );
    const keys = found.map((each) => `${each.in} ${each.name}`);
    assertEquals(new Set(keys).size, keys.length, path);
    assertEquals(
      keys.filter((key) => key.startsWith("path ")),
      [...path.matchAll(/\{(.*?)\}/g)].map(([, name]) => `path ${name}`),
    );
    for (const each of found) {
      read(each, "schema");
      if (each.in === "path") assertEquals(each.required, true);
    }
    assert(Object.keys(read(responses)).length > 0);
    for (const [status, response] of Object.entries(read(responses))) {
      assertMatch(status, /^([1-5]\d\d|default)$/);
      assertEquals(typeof resolve(document, response).description, "string");
    }
    if (requestBody !== undefined) read(requestBody, "content");
  }
}

Deno.test("/openapi.json is valid and names all that the seed has", async () => {
  using store = openStore(":memory:", seed);
  const handler = createHandler(store, {
    routes: { "/openapi.json": serveOpenApi },
  });
  for (const base of [origin, `${origin}/@mine`]) {
    const response = await handler(new Request(`${base}/openapi.json`));
    assertEquals(
      response.headers.get("content-type"),
      "application/json; charset=utf-8",
    );
    const document: unknown = await response.json();
    assert(isDocument(document));
    assertValid(document);
    assertEquals(document.servers, [{ url: base }]);
    const paths = Object.keys(read(document, "paths"));
    for (const name of Object.keys(resources)) {
      assert(paths.includes(`/${name}`) && paths.includes(`/${name}/{id}`));
    }
    for (const path of ["/posts/{id}/comments", "/users/{id}/todos", "/db"]) {
      assert(paths.includes(path), path);
    }
  }
});

Deno.test("every path of /openapi.json that can be got is there", async () => {
  using store = openStore(":memory:", odd);
  const handler = createHandler(store);
  const document = describeApi(await describe(store), origin);
  assertValid(document);
  const got = operations(document).filter(({ path, method }) =>
    method === "get" && path !== "/events"
  );
  assert(got.length >= 10);
  for (const { path, operation } of got) {
    const id = path.startsWith("/my") ? "a" : "1";
    const url = origin + path.replace("{id}", id);
    const response = await handler(new Request(url));
    assertEquals(response.status, path === "/postIds/{id}" ? 404 : 200, path);
    const value: unknown = await response.json();
    const { schema } = read(
      operation,
      "responses",
      "200",
      "content",
      "application/json",
    );
    const type = resolve(document, schema).type;
    assertEquals(type, Array.isArray(value) ? "array" : "object", path);
  }
});

Deno.test("filters are parameters, but for the names that mean something else", async () => {
  using store = openStore(":memory:", odd);
  const document = describeApi(await describe(store), origin);
  const { parameters } = read(document, "paths", "/my%20%7Bnotes%7D", "get");
  assert(Array.isArray(parameters));
  assertEquals(
    parameters.map((each) => read(each).name).filter((name) => name),
    ["id", "size"],
  );
});

Deno.test("the seed is what the table of resources says", async () => {
  using store = openStore(":memory:", seed);
  for (const { name, total, single, schema } of await describe(store)) {
    const list = await store.list(name);
    const documents: unknown = JSON.parse(list?.json ?? "");
    assert(Array.isArray(documents));
    assertEquals(schema, schemaOf(documents));
    assertEquals([total, single], [documents.length, false]);
  }
});

Deno.test("a resource is described by its documents where they differ from the table, and by the table where there are none", async () => {
  using store = openStore(":memory:", odd);
  const described = await describe(store);
  assertEquals(
    described.map(({ name, single, total }) => [name, single, total]),
    [
      ["my {notes}", false, 2],
      ["postIds", false, 0],
      ["posts", false, 1],
      ["comments", false, 1],
      ["Problem", true, 1],
    ],
  );
  const schemas = Object.fromEntries(
    described.map(({ name, schema }) => [name, schema]),
  );
  assertEquals(schemas["my {notes}"], {
    type: "object",
    properties: {
      id: { type: ["string", "integer"] },
      size: { type: "number" },
      q: { type: "string" },
      tags: { type: "array" },
    },
    required: ["id"],
  });
  assertEquals(schemas.postIds, { type: "object" });
  assertEquals(schemas.posts?.properties?.title, { type: "integer" });
  await store.load({ posts: [] });
  const [posts] = await describe(store);
  assertEquals(posts?.schema.required, Object.keys(resources.posts.fields));
});
