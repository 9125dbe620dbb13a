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

Deno.test("/openapi.json names the api beside itself where a proxy is before it", async () => {
  using store = openStore(":memory:", {});
  const handler = createHandler(store, {
    routes: { "/openapi.json": serveOpenApi },
  });
  const table: readonly (readonly [path: string, urls: string[]])[] = [
    ["", [".", "./@{sandbox}"]],
    ["/@a", ["."]],
  ];
  for (const [path, urls] of table) {
    const response = await handler(
      new Request(`${origin}${path}/openapi.json`, {
        headers: { "x-forwarded-proto": "https" },
      }),
    );
    const document: unknown = await response.json();
    assert(isDocument(document));
    assertValid(document);
    const { servers } = document;
    assert(Array.isArray(servers));
    assertEquals(servers.map(({ url }) => url), urls);
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
  const { type, properties = {}, items, required = [], oneOf, allOf, anyOf } =
    resolve(
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
  if (anyOf !== undefined && all(anyOf).every((each) => check(each).length)) {
    yield `${place}: none of anyOf`;
  }
  const types = [type ?? []].flat();
  const own = typeOf(value);
  const fits = types.includes(own) ||
    own === "integer" && types.includes("number");
  if (types.length > 0 && !fits) yield `${place}: ${own} is not ${types}`;
  if (Array.isArray(value) && isDocument(items)) {
    for (const each of value) yield* check(items, each, `${place}[]`);
  }
  if (!isDocument(value)) return;
  if (resolve(document, schema).additionalProperties === false) {
    for (const field of Object.keys(value)) {
      if (!(field in read(properties))) yield `${place}.${field} is unknown`;
    }
  }
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

const own = {
  posts: [{ id: 1, title: "json-server", author: "typicode" }],
  books: [
    { id: 1, title: "x", pages: 3, tags: ["a"], at: { x: 1, y: null } },
    { id: 2, title: "y", pages: 4, tags: [], at: { x: 2, y: null }, isbn: "1" },
  ],
  scores: [{ id: 1, of: { ada: 1 } }, { id: 2, of: { bob: 2.5 } }],
  mixed: [{ id: 1, any: [1, { a: 1 }] }, { id: "b", any: null, when: null }],
  empty: [],
  todos: [],
  profile: { name: "Ada", age: 3 },
  prices: [{ id: 1, of: [10, 20], by: [[1]] }],
};

Deno.test("_strict checks against the documents that are there, as /openapi.json describes them", async () => {
  using store = openStore(":memory:", own);
  const handler = createHandler(store);
  const table: [line: string, body: unknown, errors: string[]][] = [
    ["POST /posts", { title: "a", author: "b" }, []],
    ["POST /posts", { title: "a", body: "b", userId: 3 }, [
      "body.author: expected string, got nothing",
      "body.body: there is no such field",
      "body.userId: there is no such field",
    ]],
    ["POST /books", { titel: "x", pages: "many" }, [
      "body.title: expected string, got nothing",
      "body.pages: expected number, got string",
      "body.tags: expected array, got nothing",
      "body.at: expected object, got nothing",
      "body.titel: there is no such field",
    ]],
    [
      "POST /books",
      { title: "x", pages: 9.5, tags: [1], at: { x: 1 }, isbn: 1 },
      [
        "body.tags[0]: expected string, got integer",
        "body.at.y: expected any value, got nothing",
        "body.isbn: expected string, got integer",
      ],
    ],
    ["POST /prices", { of: [9.5], by: [[0.5], [2]] }, []],
    [
      "POST /books",
      { title: "x", pages: 9.5, tags: [], at: { x: 1, y: 2, z: 3 } },
      ["body.at.z: there is no such field"],
    ],
    [
      "POST /books",
      { title: "x", pages: 9.5, tags: ["b"], at: { x: 1, y: 2 } },
      [],
    ],
    ["POST /books", {
      id: "x",
      title: "x",
      pages: 1,
      tags: [],
      at: { x: 1, y: 2 },
    }, [
      "body.id: expected integer, got string",
    ]],
    ["PATCH /books/1", { pages: true }, [
      "body.pages: expected number, got boolean",
    ]],
    ["PATCH /books/1", { pages: 1 }, []],
    ["PUT /books/1", {}, [
      "body.title: expected string, got nothing",
      "body.pages: expected number, got nothing",
      "body.tags: expected array, got nothing",
      "body.at: expected object, got nothing",
    ]],
    ["POST /scores", { of: { eve: 4 } }, []],
    ["POST /scores", { of: { ada: "4" } }, [
      "body.of.ada: expected number, got string",
    ]],
    ["POST /mixed", { any: [2, { a: 2 }], when: "now" }, []],
    ["POST /mixed", { any: ["x"] }, [
      "body.any[0]: expected integer or object, got string",
    ]],
    ["POST /mixed", { any: [{ a: "x" }] }, [
      "body.any[0].a: expected number, got string",
    ]],
    ["POST /empty", { anything: [1] }, []],
    ["POST /todos", { anything: [1] }, []],
    ["PATCH /profile", { name: 1 }, [
      "body.name: expected string, got integer",
    ]],
    ["PUT /profile", { name: "Bob", age: 4, x: 1 }, [
      "body.x: there is no such field",
    ]],
    ["POST /none", { x: 1 }, ["404"]],
  ];
  for (const [line, body, errors] of table) {
    const before = store.dump();
    const described = describe(store);
    const [method = "", path = ""] = line.split(" ");
    const response = await handler(
      new Request(`${origin}${path}?_strict`, {
        method,
        body: JSON.stringify(body),
      }),
    );
    const { errors: found = [] } = await response.json();
    const status = errors.length === 0 ? /^20[01]$/ : /^4(22|04)$/;
    assertMatch(`${response.status}`, status, line);
    if (response.status === 404) continue;
    assertEquals(found, errors, `${line} ${JSON.stringify(body)}`);
    if (errors.length > 0) assertEquals(store.dump(), before);
    // the schema says the same
    const strict = described.find(({ name }) => path.split("/")[1] === name)
      ?.strict;
    if (method !== "PATCH" && strict?.properties) {
      const wrong = [...mismatches({}, { ...strict }, body, "")];
      assertEquals(wrong.length > 0, errors.length > 0, `${line}: ${wrong}`);
    }
  }
});

Deno.test("_strict takes JSONPlaceholder's documents for what they are, whatever else was written", async () => {
  using store = openStore(":memory:", seed);
  const handler = createHandler(store);
  const post = (path: string, body: unknown) =>
    handler(
      new Request(origin + path, {
        method: "POST",
        body: JSON.stringify(body),
      }),
    );
  assertEquals((await post("/posts", { junk: 1 })).status, 201);
  const response = await post("/posts?_strict", { junk: 1, title: 2 });
  assertEquals((await response.json()).errors, [
    "body.userId: expected integer, got nothing",
    "body.title: expected string, got integer",
    "body.body: expected string, got nothing",
    "body.junk: there is no such field",
  ]);
  const tagged = { userId: 1, title: "a", body: "b", tags: ["c"] };
  assertEquals((await post("/posts?_strict", tagged)).status, 422);
  assertEquals((await post("/posts", tagged)).status, 201);
  assertEquals((await post("/posts?_strict", tagged)).status, 201);
});

Deno.test("uncontrolled resource consumption: many documents that are checked are described once", async () => {
  using store = openStore(":memory:", seed);
  let lists = 0;
  const counted = {
    ...store,
    list(...args: Parameters<typeof store.list>) {
      lists++;
      return store.list(...args);
    },
  };
  const handler = createHandler(counted);
  const all = Array.from({ length: 1000 }, () => ({
    userId: 1,
    title: "a",
    body: "b",
  }));
  const response = await handler(
    new Request(`${origin}/posts?_strict`, {
      method: "POST",
      body: JSON.stringify(all),
    }),
  );
  assertEquals([response.status, lists], [201, 1]);
});

Deno.test("ids are described as they are, in paths as text too; what deletes has none that is there as an example", () => {
  const data = {
    n: [{ id: 7 }, { id: 9 }],
    t: [{ id: "a" }],
    m: [{ id: 1 }, { id: "b" }],
    e: [],
    // neither the first documents nor the last one have the highest
    u: [...Array(30).keys().map((id) => ({ id })), { id: 32 }, { id: 31 }],
    // in a URL a text is what a number is
    x: [{ id: 9 }, { id: "10" }],
  };
  using store = openStore(":memory:", data);
  const document = describeApi(describe(store), origin);
  const idOf = (name: string, method = "get") => {
    const { parameters } = read(document, "paths", `/${name}/{id}`, method);
    assert(Array.isArray(parameters));
    const { schema, example } = read(parameters[0]);
    return [read(schema).type, example];
  };
  assertEquals(idOf("n"), [["integer", "string"], 7]);
  assertEquals(idOf("t"), ["string", "a"]);
  assertEquals(idOf("m"), [["integer", "string"], 1]);
  assertEquals(idOf("e"), [["integer", "string"], 1]);
  const next = Object.keys(data).map((name) => idOf(name, "delete")[1]);
  assertEquals(next, [10, "none", 2, 1, 33, 11]);
  const schemas = read(document, "components", "schemas");
  assertEquals(read(schemas, "n", "properties"), { id: { type: "integer" } });
  assertEquals(read(schemas, "n_input", "properties"), {});
});

Deno.test("names in /openapi.json are letters and digits, and stay apart where code writes them in its own way", () => {
  const names = [
    ..."constructor toString Date string record 2024 글 가 Bücher a.b blog_posts blogPosts posts posts_input page"
      .split(" "),
    "my notes",
    "$x",
  ];
  const data = Object.fromEntries(names.map((name) => [name, [{ id: 1 }]]));
  using store = openStore(":memory:", data);
  const document = describeApi(describe(store), origin);
  assertValid(document);
  const canonical = (name: string) => name.replaceAll("_", "").toLowerCase();
  const keys = Object.keys(read(document, "components", "schemas"));
  assertEquals(new Set(keys.map(canonical)).size, 1 + 3 * names.length);
  const ids = operations(document).map(({ operation }) =>
    `${operation.operationId}`
  );
  assertEquals(new Set(ids.map(canonical)).size, ids.length);
  for (const key of [...keys, ...ids]) {
    assertMatch(key, /^[a-zA-Z][a-zA-Z0-9_]*$/);
    assert(!(canonical(key) in {}) && !(key in {}), key);
  }
});

Deno.test("a list's operators, faults and conditional headers are parameters, each name once", () => {
  using store = openStore(":memory:", { ...own, ...odd });
  const document = describeApi(describe(store), origin);
  const namesOf = (path: string, method: string) => {
    const item = read(document, "paths", path);
    const { parameters } = read(item, method);
    assert(Array.isArray(parameters) && Array.isArray(item.parameters));
    const all = [...item.parameters, ...parameters];
    const names = all.map((each) => resolve(document, each).name);
    assertEquals(new Set(names).size, names.length, path);
    return names;
  };
  const books = namesOf("/books", "get");
  for (
    const name
      of "title pages_gte pages_lt title_like title_ne id_gt tags tags_like at.x_lte _page _where _delay _status _strict callback Prefer If-None-Match"
        .split(" ")
  ) assert(books.includes(name), name);
  const below = namesOf("/posts/{id}/comments", "get");
  assert(below.includes("id_gte") && !below.includes("postId"));
  for (const method of ["put", "patch", "delete"]) {
    const names = namesOf("/books/{id}", method);
    assert(names.includes("If-Match") && names.includes("Prefer"), method);
  }
  const get = read(document, "paths", "/books/{id}", "get", "responses", "200");
  assert("text/event-stream" in read(get, "content"));
  const paths = read(document, "paths");
  assert(!("/events" in paths) && !("put" in read(paths, "/db")));
  assertEquals(document.security, []);
});

Deno.test("who asks for a list with the examples of all of its parameters at once gets it", async () => {
  using store = openStore(":memory:", own);
  const handler = createHandler(store);
  const document = describeApi(describe(store), origin);
  const paths = read(document, "paths");
  for (const path of Object.keys(own).map((name) => `/${name}`)) {
    const { get, parameters } = read(paths, path);
    const all = [parameters, read(get).parameters].flat();
    const query = new URLSearchParams();
    for (const each of all) {
      const { name, in: place, example } = resolve(document, each);
      if (place === "query" && example !== undefined) {
        query.append(`${name}`, `${example}`);
      }
    }
    query.delete("_sort"); // an empty list has nothing to sort by
    query.delete("_order");
    assert(query.has("_strict") || path === "/profile");
    const response = await handler(new Request(`${origin}${path}?${query}`));
    assertEquals(response.status, 200, await response.text());
  }
});
