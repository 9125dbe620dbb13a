import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { createHandler } from "../../tasks/api/handler.ts";
import { describeApi, serveOpenApi } from "../../tasks/api/openapi/openapi.ts";
import { describe, schemaOf } from "../../tasks/api/openapi/schema.ts";
import { type Document, isDocument } from "../../tasks/api/store/document.ts";
import { resources, typeOf } from "../../tasks/api/store/schema.ts";
import { seed } from "../../tasks/api/store/seed.ts";
import { openStore } from "../../tasks/api/store/sqlite.ts";

const origin = "http://localhost:3000";
const methods = ["get", "head", "put", "post", "delete", "patch"];
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
    assertMatch(part, /^(schemas|responses|parameters|headers)$/);
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
    const [server] = Array.isArray(document.servers) ? document.servers : [];
    assertEquals(server, { url: base });
    const paths = Object.keys(read(document, "paths"));
    for (const name of Object.keys(resources)) {
      assert(paths.includes(`/${name}`) && paths.includes(`/${name}/{id}`));
    }
    for (
      const path of ["/posts/{id}/comments", "/users/{id}/todos", "/db", "/"]
    ) assert(paths.includes(path), path);
    assertEquals(paths.includes("/@{sandbox}"), base === origin);
  }
});

Deno.test("every path of /openapi.json that can be got is there", async () => {
  using store = openStore(":memory:", odd);
  const handler = createHandler(store);
  const document = describeApi(describe(store), origin);
  assertValid(document);
  const routes = ["/", "/openapi.json", "/events", "/_echo"];
  const got = operations(document).filter(({ path, method }) =>
    method === "get" && !routes.includes(path)
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
    const { type, oneOf } = resolve(document, schema);
    const list = Array.isArray(oneOf) ? oneOf[0] : undefined;
    const found = list === undefined ? type : read(list).type;
    assertEquals(found, Array.isArray(value) ? "array" : "object", path);
  }
});

Deno.test("filters are parameters, but for the names that mean something else", () => {
  using store = openStore(":memory:", odd);
  const document = describeApi(describe(store), origin);
  const { parameters } = read(document, "paths", "/my%20%7Bnotes%7D", "get");
  assert(Array.isArray(parameters));
  assertEquals(
    parameters.map((each) => read(each).name).filter((name) => name),
    ["id", "size"],
  );
});

/** What is wrong with a value by a schema: the part of JSON Schema that these documents have. */
function* mismatches(
  document: Document,
  schema: Document,
  value: unknown,
  place: string,
): Generator<string> {
  const { type, properties = {}, items, required = [], oneOf, allOf } = resolve(
    document,
    schema,
  );
  const all = (schemas: unknown): Document[] =>
    Array.isArray(schemas) ? schemas.map((each) => read(each)) : [];
  const check = (schema: Document, own = value, at = place) => [
    ...mismatches(document, schema, own, at),
  ];
  if (oneOf !== undefined) {
    const found = all(oneOf).filter((each) => check(each).length === 0);
    if (found.length !== 1) yield `${place}: ${found.length} of oneOf`;
  }
  for (const each of all(allOf)) yield* check(each);
  const types = [type ?? []].flat();
  const own = typeOf(value);
  const fits = types.includes(own) ||
    own === "integer" && types.includes("number");
  if (types.length > 0 && !fits) yield `${place}: ${own} is not ${types}`;
  if (Array.isArray(value) && isDocument(items)) {
    for (const each of value) yield* check(items, each, `${place}[]`);
  }
  if (!isDocument(value)) return;
  for (const field of Array.isArray(required) ? required : []) {
    if (!Object.hasOwn(value, field)) yield `${place}.${field} is missing`;
  }
  for (const [field, each] of Object.entries(read(properties))) {
    if (Object.hasOwn(value, field)) {
      yield* check(read(each), value[field], `${place}.${field}`);
    }
  }
}

Deno.test("/openapi.json stays true of what is written after it was read", async () => {
  using store = openStore(":memory:", { ...seed, ...odd });
  const handler = createHandler(store, {
    routes: { "/openapi.json": serveOpenApi },
  });
  const ask = (line: string, body?: string, type = "application/json") => {
    const [method = "", path = ""] = line.split(" ");
    return handler(
      new Request(origin + path, {
        method,
        ...body !== undefined && { body, headers: { "content-type": type } },
      }),
    );
  };
  const document: unknown = await (await ask("GET /openapi.json")).json();
  assert(isDocument(document));
  const form = "application/x-www-form-urlencoded";
  const requests: [line: string, path: string, body?: string, type?: string][] =
    [
      ["POST /albums", "/albums", '{"title":"x"}'],
      ["POST /albums", "/albums", "{}"],
      ["POST /albums", "/albums", '[{"title":"x"},{}]'],
      ["POST /todos", "/todos", "userId=1&completed=true&d=1&d=2", form],
      ["POST /users/1/albums", "/users/{id}/albums", '{"title":"y"}'],
      ["PUT /users/1", "/users/{id}", '{"name":"Ada","address":{"city":"x"}}'],
      ["PATCH /photos/1", "/photos/{id}", "albumId=2", form],
      ["POST /my%20%7Bnotes%7D", "/my%20%7Bnotes%7D", '{"size":3,"at":1}'],
      ["PATCH /Problem", "/Problem", '{"at":"now"}'],
      ["POST /Problem", "/Problem", '{"name":"Bob"}'],
      ["DELETE /albums/1", "/albums/{id}"],
      ["GET /albums", "/albums"],
      ["GET /albums/2", "/albums/{id}"],
      ["GET /users/1/albums", "/users/{id}/albums"],
      ["GET /todos?_page=x&_limit=abc", "/todos"],
      ["GET /users", "/users"],
      ["GET /photos?_embed=x&_end=3", "/photos"],
      ["GET /my%20%7Bnotes%7D", "/my%20%7Bnotes%7D"],
      ["GET /Problem", "/Problem"],
      ["GET /db", "/db"],
    ];
  for (const [line, path, body, type] of requests) {
    const response = await ask(line, body, type);
    const { schema } = read(
      document,
      "paths",
      path,
      line.split(" ")[0]?.toLowerCase() ?? "",
      "responses",
      `${response.status}`,
      "content",
      "application/json",
    );
    const value: unknown = await response.json();
    const found = [...mismatches(document, read(schema), value, line)];
    assertEquals(found, [], line);
  }
});

Deno.test("/openapi.json describes refusals, forms, HEAD and parameters that are no number", () => {
  using store = openStore(":memory:", odd);
  const document = describeApi(describe(store), origin);
  for (const { path, method, operation } of operations(document)) {
    if (path === "/events") continue;
    const { responses, requestBody } = operation;
    assert("default" in read(responses), path);
    if (method === "get" && path !== "/_echo") {
      read(document, "paths", path, "head");
    }
    if (requestBody !== undefined && path !== "/db" && path !== "/_echo") {
      assertEquals(Object.keys(read(requestBody, "content")), [
        "application/json",
        "application/x-www-form-urlencoded",
        "text/plain",
      ]);
    }
  }
  for (const name of ["_page", "_limit", "_per_page", "_start", "_end"]) {
    assertEquals(
      read(document, "components", "parameters", name, "schema"),
      { type: ["integer", "string"] },
    );
  }
});

Deno.test("work that grows faster than what is asked of: /openapi.json of 5,000 resources describes 1,000 of them, soon", async () => {
  const list = Array.from({ length: 5000 }, (_, at) => [
    `kind${at}s`,
    [{ id: 1, [`kind${at + 1}Id`]: 1 }],
  ]);
  using store = openStore(":memory:", Object.fromEntries(list));
  const started = performance.now();
  const request = new Request(`${origin}/openapi.json`);
  const response = await serveOpenApi(request, store);
  // where each resource looks at all others it takes a minute
  assertLess(performance.now() - started, 10_000);
  const document: unknown = await response.json();
  assert(isDocument(document));
  const { tags } = document;
  assertEquals(Array.isArray(tags) && tags.length, 1000);
  read(document, "paths", "/kind998s/{id}/kind997s");
  const { description } = read(document, "info");
  assertMatch(String(description), /Of 5000 resources the first 1000 are/);
});

Deno.test("the seed is what the table of resources says", async () => {
  using store = openStore(":memory:", seed);
  for (const { name, total, single, schema } of describe(store)) {
    const list = await store.list(name);
    const documents: unknown = JSON.parse(list?.json ?? "");
    assert(Array.isArray(documents));
    assertEquals(schema, schemaOf(documents));
    assertEquals([total, single], [documents.length, false]);
  }
});

Deno.test("a resource is described by its documents, whatever its name; nothing is known where there are none", async () => {
  using store = openStore(":memory:", odd);
  const described = describe(store);
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
      tags: { type: "array", items: { type: "string" } },
    },
    required: ["id"],
  });
  assertEquals(schemas.postIds, { type: "object" });
  assertEquals(schemas.posts?.properties?.title, { type: "integer" });
  await store.load({ posts: [] });
  const [posts] = describe(store);
  assertEquals([posts?.schema, posts?.strict], [{ type: "object" }, {
    type: "object",
  }]);
});
