import { assert, assertEquals, assertMatch } from "@std/assert";
import { createHandler } from "../../../tasks/api/handler.ts";
import { serveHttp } from "../../../tasks/api/serve.ts";
import { seed } from "../../../tasks/api/store/seed.ts";
import { openStore } from "../../../tasks/api/store/sqlite.ts";
import { encode, receiveText } from "../../support.ts";
import { openApi, origin } from "../support.ts";

const form = "application/x-www-form-urlencoded";
const multipart = 'multipart/form-data; boundary="b"';
const parts = [
  'content-disposition: form-data; name="a"\r\n\r\n1',
  'content-disposition: form-data; name="a"\r\n\r\n2',
  'content-disposition: form-data; name="f"; filename="x.bin"\r\ncontent-type: image/png\r\n\r\n\xff',
].map((part) => `--b\r\n${part}\r\n`).join("") + "--b--\r\n";
const bytes = Uint8Array.from(parts, (letter) => letter.charCodeAt(0));

Deno.test("/_echo says what came", async () => {
  using api = openApi({ readOnly: true });
  const table: readonly [line: string, init: RequestInit, expected: unknown][] =
    [
      ["GET /_echo", {}, { body: "", length: 0, query: {} }],
      ["GET /_echo?a=1&b=%20&a=2&__proto__=x", {}, {
        query: JSON.parse('{"a":["1","2"],"b":" ","__proto__":"x"}'),
      }],
      ["PURGE /_echo/any/path?_delay=1", {}, {
        method: "PURGE",
        url: `${origin}/_echo/any/path?_delay=1`,
        query: { _delay: "1" },
      }],
      ["DELETE /@a/_echo/", {}, { url: `${origin}/@a/_echo/` }],
      ["OPTIONS /_echo", {}, { method: "OPTIONS" }],
      ["POST /_echo", { body: '{"ü":[1.0]}' }, {
        body: '{"ü":[1.0]}',
        length: 12,
        json: { "ü": [1] },
      }],
      ["POST /_echo", { body: '{"a"' }, { body: '{"a"', json: undefined }],
      ["POST /_echo", { body: "[".repeat(101) + "]".repeat(101) }, {
        json: undefined,
      }],
      ["PUT /_echo", { body: "\ufeffa" }, { body: "\ufeffa", length: 4 }],
      ["PUT /_echo", { body: new Uint8Array([255, 0]) }, {
        base64: "/wA=",
        length: 2,
        body: undefined,
      }],
      [
        "POST /_echo",
        { body: "a=1&b=&a=2", headers: { "content-type": form } },
        {
          body: "a=1&b=&a=2",
          form: { a: ["1", "2"], b: "" },
        },
      ],
      [
        "POST /_echo",
        {
          body: "a",
          headers: { "content-type": form, "content-encoding": "gzip" },
        },
        { form: undefined },
      ],
      ["POST /_echo", { body: bytes, headers: { "content-type": multipart } }, {
        length: bytes.length,
        form: {
          a: ["1", "2"],
          f: { name: "x.bin", type: "image/png", base64: "/w==", length: 1 },
        },
      }],
      ["POST /_echo", { body: "no", headers: { "content-type": multipart } }, {
        body: "no",
        form: undefined,
      }],
      [
        "GET /_echo",
        { headers: { authorization: "Bearer x", "x-a": "1, 2" } },
        {
          headers: { authorization: "Bearer x", "x-a": "1, 2" },
        },
      ],
    ];
  for (const [line, init, expected] of table) {
    const { status, text, headers } = await api.ask(line, init);
    const found = JSON.parse(text);
    const wanted = Object.entries(Object(expected));
    assertEquals(status, 200, line);
    assertEquals(headers.get("x-content-type-options"), "nosniff");
    assertEquals(
      Object.fromEntries(wanted.map(([name]) => [name, found[name]])),
      Object.fromEntries(wanted),
      line,
    );
  }
});

Deno.test("/_echo keeps to what holds for all: origins, the longest body, a resource of that name", async () => {
  using api = openApi({ maxBody: 10 });
  const evil = { headers: { origin: "https://evil.example" } };
  assertEquals((await api.ask("GET /_echo", evil)).status, 403);
  assertEquals(
    (await api.ask("POST /_echo", { body: "x".repeat(11) })).status,
    413,
  );
  const preflight = await api.ask("OPTIONS /_echo", {
    headers: {
      origin: "http://localhost:1",
      "access-control-request-method": "PUT",
    },
  });
  assertEquals([preflight.status, preflight.text], [204, ""]);
  assertEquals((await api.ask("GET /_echos")).status, 404);
  const body = '{"_echo":[{"id":1}]}';
  using other = openApi();
  assertEquals((await other.ask("PUT /db", { body })).status, 200);
  assertEquals(JSON.parse((await other.ask("GET /_echo/1")).text), { id: 1 });
});

Deno.test("/_echo tells the address of who asks, and takes a body in chunks", async () => {
  using store = openStore(":memory:", seed);
  const handler = createHandler(store, {
    middleware: [(request, next) => next(new Request(request))],
  });
  await using server = await serveHttp(handler, { host: "::1", port: 0 });
  const { port } = server;
  using conn = await Deno.connect({ hostname: "::1", port });
  const { localAddr } = conn;
  assert(localAddr.transport === "tcp");
  await conn.write(encode(
    "POST /_echo HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n" +
      "transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n1\r\n!\r\n0\r\n\r\n",
  ));
  const text = await receiveText(conn);
  assertMatch(text, /^HTTP\/1\.1 200 /);
  const { body, address } = JSON.parse(text.slice(text.indexOf("\r\n\r\n")));
  assertEquals([body, address], ["hi!", `[::1]:${localAddr.port}`]);
});
