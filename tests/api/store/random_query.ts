/**
 * Requests at random, the same for the same seed, and the data that they are about.
 *
 * @module
 */

import { seed } from "../../../tasks/api/store/seed.ts";

/** A request that reads or writes; its path has the query, its body is JSON. */
export interface RandomRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
}

/** Our seed without the 5,000 photos, and what its documents do not have: odd ids, gaps, lists. */
export const WORLD: Readonly<Record<string, unknown>> = {
  posts: seed.posts(),
  comments: seed.comments().slice(0, 200),
  albums: seed.albums().slice(0, 30),
  users: seed.users(),
  todos: seed.todos(),
  notes: [
    { id: 3, text: "Ünder the gate", size: 10, tags: ["a", "b"], userId: 1 },
    { id: "x7", text: "a kettle\nand a boat", size: 9, done: false, userId: 2 },
    { id: 1, text: null, size: 2.5, done: true, deep: { a: [{ b: "kite" }] } },
    { id: "1b", text: "", size: null, tags: [], userId: 1 },
    { id: 12, size: "10", text: "KETTLE", done: true, postId: 5 },
  ],
  profile: { name: "Ada", size: 3 },
};

/** Lines of a name and its alternatives: `{name}` is one of that name, `{20:name}` in 20 of 100 cases, `{=name}` again. */
const GRAMMAR: ReadonlyMap<string, readonly string[]> = new Map(
  String.raw`
resource posts comments albums users todos notes
child posts comments albums todos notes nope
parent user post nope
owner users posts notes
id 1 2 3 4 5 6 7 8 9 10 11 12
field id userId postId title body name email completed done size text tags address.city address.geo.lat company.name tags.0 deep.a[0].b nope
value 1 2 3 5 10 9 2.5 true false null kite gate a e x7 1b Oakham the%20 KETTLE @example.com 1.0 01 -1 %C3%9C
pattern gate ^a e$ ^the.*e$ k.te a.*b.*c \. @.*com$ .* ^$ kettle.*boat
operator _gte _lte _ne
condition {equal} {equal} {equal} {other} {other} {other} {like}
equal &{field}={value}{20:or}
or &{=field}={value}
other &{field}{operator}={value}
like &{field}_like={pattern}
search &q=the &q=KITE &q=Ada &q=1 &q=true &q= &q=%C3%BC
sort &_sort={field}{30:then}{60:order}
then ,{field}
order &_order=asc &_order=desc &_order=DESC,asc &_order=desc,desc &_order=x
number 0 1 2 3 7 100 x {nothing}
nothing
start &_start={number}
limit &_limit={number}
part &_page={number}{70:limit} {start}&_end={number} {limit}{50:start} {odd}
odd &_start=2 &_end=5 &_page= &_page=-1
embed &_embed={child}
expand &_expand={parent}
query {45:condition}{20:condition}{15:search}{35:sort}{40:part}{12:embed}{12:expand}
strange /profile /nope /nope/1 /profile/1 /posts/1/comments/1 /profile?a=1
list /{resource}{query}
one /{resource}/{value}{50:embed}{50:expand}
nested /{owner}/{id}/{resource}{query}
rare {list} {list} {strange}
read {list} {list} {list} {list} {list} {list} {list} {rare} {one} {nested}
written posts comments albums users todos
property title size done tags
reference userId postId
comments /posts/{id}/comments
method PUT PATCH POST DELETE`.trim().split("\n").map((line) => {
    const [name = "", ...all] = line.split(" ");
    return [name, name === "pattern" ? all.map(encodeURIComponent) : all];
  }),
);

/** Makes requests without end. */
export function createRequests(start: number): {
  readonly read: () => RandomRequest;
  readonly write: () => RandomRequest;
} {
  let state = start >>> 0;
  let deleted = 0;
  const last: Record<string, string> = {};
  function dice(sides: number): number {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * sides);
  }
  function make(name: string): string {
    if (name.startsWith("=")) return last[name.slice(1)] ?? "";
    const all = GRAMMAR.get(name) ?? [];
    const text = (all[dice(all.length)] ?? "").replace(
      /\{(?:(\d+):)?([^}]+)\}/g,
      (_, share, inner) => dice(100) < Number(share ?? 100) ? make(inner) : "",
    );
    return last[name] = text;
  }
  function body(): string {
    const fields: [string, number][] = [];
    for (let left = dice(4); left > 0; left--) {
      fields.push([make("property"), dice(9)]);
    }
    if (dice(8) === 0) fields.push(["id", 1000 + dice(9000)]);
    if (dice(2) === 0) fields.push([make("reference"), 1 + dice(10)]);
    return JSON.stringify(Object.fromEntries(fields));
  }
  return {
    read: () => {
      const method = dice(20) === 0 ? "HEAD" : "GET";
      return { method, path: make("read").replace(/(?<!\?.*)&/, "?") };
    },
    write: () => {
      // texts as ids, as notes have, would make the next id random: no two would be the same
      const list = `/${make("written")}`;
      const one = `${list}/${1 + dice(60)}`;
      switch (dice(6)) {
        case 0:
          // each is there: json-server deletes what is orphaned even where it finds nothing to delete
          return { method: "DELETE", path: `/todos/${++deleted}` };
        case 1:
          return { method: "PUT", path: one, body: body() };
        case 2:
          return { method: "PATCH", path: one, body: body() };
        case 3:
          return { method: make("method"), path: "/profile", body: body() };
        case 4:
          return { method: "POST", path: make("comments"), body: body() };
        default:
          return { method: "POST", path: list, body: body() };
      }
    },
  };
}
