import { assert, assertEquals } from "@std/assert";
import { createHandler } from "../../../tasks/api/handler.ts";
import { serveOpenApi } from "../../../tasks/api/openapi/openapi.ts";
import { servePage } from "../../../tasks/api/page/page.ts";
import { serveHttp } from "../../../tasks/api/serve.ts";
import { seed } from "../../../tasks/api/store/seed.ts";
import { openStore } from "../../../tasks/api/store/sqlite.ts";
import { startListener } from "../../daemon.ts";
import { run } from "../../program.ts";
import { hasCommand, withFolder } from "../../support.ts";

const PACKAGE = "npm:@stoplight/prism-cli@5.14.2";

/** Puts Prism, a proxy that holds an API to its OpenAPI document, in a folder, and tells whether npm gave it. */
async function installPrism(folder: string): Promise<boolean> {
  const settings = { nodeModulesDir: "auto", imports: { prism: PACKAGE } };
  await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(settings));
  const install = [Deno.execPath(), "install", "-q", "--no-lock"];
  const config = ["--config", `${folder}/deno.json`];
  return (await run([...install, ...config])).code === 0;
}

let isThere = false;
if (hasCommand("node")) {
  await withFolder(async (folder) => {
    isThere = await installPrism(folder);
  });
}
const reason = isThere ? "" : " (skipped: node or Prism, from npm, is absent)";

const JSON_TYPE = "application/json";
const FORM = "application/x-www-form-urlencoded";

const REQUESTS: readonly (readonly [
  line: string,
  body?: string,
  type?: string,
])[] = [
  ["GET /posts"],
  ["GET /posts/1"],
  ["GET /posts/999"],
  ["HEAD /posts"],
  ["HEAD /posts/1"],
  ["HEAD /posts/999"],
  ["HEAD /openapi.json"],
  ["HEAD /events"],
  ["HEAD /_echo"],
  ["OPTIONS /_echo"],
  ["GET /_echo?a=1&a=2"],
  ["POST /_echo", "a=1", FORM],
  ["PUT /_echo", "x", "image/png"],
  ["DELETE /_echo"],
  ["GET /posts?userId=1&userId=2"],
  ["GET /posts?userId=x&usrId=1"],
  ["GET /posts?usrId=1&_strict="],
  ["GET /posts?title_like=("],
  ["GET /posts?id_gte=10&id_lte=20&id_ne=12"],
  ["GET /posts?_page=2&_limit=10"],
  ["GET /posts?_page=x"],
  ["GET /posts?_limit=abc"],
  ["GET /posts?_start=x&_end=4"],
  ["GET /posts?_sort=-id,title&_order=desc"],
  ["GET /posts?_per_page=5&_page=2"],
  ["GET /posts?_per_page=5&_page=99"],
  ["GET /posts?_per_page=x"],
  ["GET /users/1/posts?_per_page=2&_embed=comments"],
  ['GET /posts?_where={"userId":1}'],
  ["GET /posts?_where={"],
  ["GET /posts?id:gt=98&title:contains=a"],
  ["GET /posts?q=kite&_embed=comments"],
  ["GET /posts/1?_embed=comments&_expand=user"],
  ["GET /posts/1/comments"],
  ["GET /users/1/todos?completed=maybe"],
  ["GET /users?address.city=x"],
  ["POST /posts", '{"title":"x"}'],
  ["POST /posts", '[{"title":"x"},{}]'],
  ["POST /posts", '{"id":1}'],
  ["POST /posts?_strict=", '{"title":"x"}'],
  ["POST /posts", "title=x&userId=1&d=x&d=y", FORM],
  ["POST /posts", '{"title":"x"}', "text/plain"],
  ["POST /posts"],
  ["POST /posts/1/comments", '{"name":"x"}'],
  ["POST /todos", "completed=true", FORM],
  ["PUT /posts/1", '{"title":"only"}'],
  ["PATCH /posts/1", '{"userId":"7"}'],
  ["PUT /posts/999", "{}"],
  ["DELETE /posts/3"],
  ["DELETE /posts/999"],
  ["DELETE /users/2"],
  ["PUT /profile", '{"name":"Bob"}'],
  ["POST /profile", '{"age":4.5}'],
  ["GET /profile"],
  ["GET /posts"],
  ["GET /posts/1/comments"],
  ["GET /todos"],
  ["GET /my%20%7Bnotes%7D"],
  ["GET /db"],
  ["GET /"],
  ["GET /openapi.json"],
  ["GET /posts?_status=503"],
  ["GET /posts?callback=f"],
  ["DELETE /@mine"],
];

Deno.test({
  name: `Prism finds nothing in what the api answers${reason}`,
  ignore: !isThere,
  fn: () =>
    withFolder(async (folder) => {
      assert(await installPrism(folder));
      using store = openStore(":memory:", {
        ...seed,
        profile: { name: "Ada", age: 3, at: null },
        "my {notes}": [{ id: "a", size: 1, tags: ["b"] }],
      });
      const handler = createHandler(store, {
        routes: { "/": servePage, "/openapi.json": serveOpenApi },
      });
      await using api = await serveHttp(handler, {
        host: "127.0.0.1",
        port: 0,
      });
      const origin = `http://127.0.0.1:${api.port}`;
      const file = `${folder}/openapi.json`;
      const document = await (await fetch(`${origin}/openapi.json`)).text();
      await Deno.writeTextFile(file, document);
      await using prism = await startListener([
        ...["node", `${folder}/node_modules/.bin/prism`],
        ...["proxy", "--errors", "-p", "PORT", file, origin],
      ]);
      const complaints: string[] = [];
      for (const [line, body, type = JSON_TYPE] of REQUESTS) {
        const [method = "", path = ""] = line.split(" ");
        const response = await fetch(`http://127.0.0.1:${prism.port}${path}`, {
          method,
          ...body !== undefined && { body, headers: { "content-type": type } },
        });
        const text = await response.text();
        // of a HEAD it says nothing but 405 where the document has none
        const isAbsent = method === "HEAD" && response.status === 405;
        const found = response.headers.get("sl-violations") ??
          (isAbsent || text.includes("stoplight.io") ? text : undefined);
        if (found !== undefined) complaints.push(`${line}: ${found}`);
      }
      assertEquals(complaints, []);
      // it is not asleep
      const nope = await fetch(`http://127.0.0.1:${prism.port}/nope`);
      assert((await nope.text()).includes("stoplight.io"));
    }),
});
