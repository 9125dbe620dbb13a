// what a person would write first, to be measured against: one resource, no checks
import { DatabaseSync } from "node:sqlite";

const db = new DatabaseSync(Deno.args[1] ?? "");
db.exec("pragma journal_mode = wal; pragma synchronous = normal");
db.exec("create table posts (id integer primary key, json text)");
const insert = db.prepare("insert into posts (json) values (?)");
const select = db.prepare("select json from posts where id = ?");
const all = db.prepare("select json from posts");
const { posts } = JSON.parse(await Deno.readTextFile(Deno.args[2] ?? ""));
for (const post of posts) insert.run(JSON.stringify(post));
Deno.serve(
  { hostname: "127.0.0.1", port: Number(Deno.args[0]), onListen() {} },
  async (request) => {
    const headers = { "content-type": "application/json" };
    if (request.method === "POST") {
      const post = await request.json();
      const { lastInsertRowid: id } = insert.run(JSON.stringify(post));
      return Response.json({ ...post, id }, { status: 201 });
    }
    const [, , id] = new URL(request.url).pathname.split("/");
    const text = id === undefined
      ? `[${all.all().map(({ json }) => json).join(",")}]`
      : String(select.get(id)?.json);
    return new Response(text, { headers });
  },
);
