/**
 * Requests at random, the same for the same seed, and the data that they are about.
 *
 * @module
 */

import { seed } from "../../../tasks/api/store/seed.ts";

/** A request that reads or writes. */
export interface RandomRequest {
  /** Its method. */
  readonly method: string;
  /** Its path and query. */
  readonly path: string;
  /** Its body: JSON. */
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

const RESOURCES = ["posts", "comments", "albums", "users", "todos", "notes"];
const FIELDS = [
  ..."id userId postId title body name email completed done size text tags"
    .split(" "),
  ..."address.city address.geo.lat company.name tags.0 deep.a[0].b nope".split(
    " ",
  ),
];
const VALUES = [
  ..."1 2 3 5 10 9 2.5 true false null kite gate a e x7 1b Oakham".split(" "),
  ..."the%20 KETTLE @example.com 1.0 01 -1 %C3%9C".split(" "),
];
const PATTERNS =
  "gate ^a e$ ^the.*e$ k.te a.*b.*c \\. @.*com$ .* ^$ kettle.*boat".split(" ");
const CHILDREN = ["posts", "comments", "albums", "todos", "notes", "nope"];
const PARENTS = ["user", "post", "nope"];

/** Makes requests without end. */
export function createRequests(start: number): {
  readonly read: () => RandomRequest;
  readonly write: () => RandomRequest;
} {
  let state = start >>> 0;
  let deleted = 0;
  function dice(sides: number): number {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * sides);
  }
  const pick = (list: readonly string[]) => list[dice(list.length)] ?? "";
  const some = (share: number, make: () => string) =>
    dice(100) < share ? make() : "";

  function condition(): string {
    const [field, operator] = [
      pick(FIELDS),
      pick(["", "", "", "_gte", "_lte", "_ne", "_like"]),
    ];
    const value = operator === "_like"
      ? encodeURIComponent(pick(PATTERNS))
      : pick(VALUES);
    const again = operator === ""
      ? some(20, () => `&${field}=${pick(VALUES)}`)
      : "";
    return `&${field}${operator}=${value}${again}`;
  }

  function part(): string {
    const number = () => pick(["0", "1", "2", "3", "7", "100", "x", ""]);
    switch (dice(4)) {
      case 0:
        return `&_page=${number()}${some(70, () => `&_limit=${number()}`)}`;
      case 1:
        return `&_start=${number()}&_end=${number()}`;
      case 2:
        return `&_limit=${number()}${some(50, () => `&_start=${number()}`)}`;
      default:
        return pick(["&_start=2", "&_end=5", "&_page=", "&_page=-1"]);
    }
  }

  function query(): string {
    const text = some(45, condition) + some(20, condition) +
      some(
        15,
        () => `&q=${pick(["the", "KITE", "Ada", "1", "true", "", "%C3%BC"])}`,
      ) +
      some(35, () => {
        const order = some(
          60,
          () =>
            `&_order=${pick(["asc", "desc", "DESC,asc", "desc,desc", "x"])}`,
        );
        return `&_sort=${pick(FIELDS)}${
          some(30, () => `,${pick(FIELDS)}`)
        }${order}`;
      }) +
      some(40, part) + relations(12);
    return text === "" ? "" : `?${text.slice(1)}`;
  }

  function relations(share: number): string {
    return some(share, () => `&_embed=${pick(CHILDREN)}`) +
      some(share, () => `&_expand=${pick(PARENTS)}`);
  }

  function body(): string {
    const fields = Array.from(
      { length: dice(4) },
      () => [pick(["title", "size", "done", "tags"]), dice(9)],
    );
    const parent = dice(2) === 0
      ? []
      : [[pick(["userId", "postId"]), 1 + dice(10)]];
    const id = dice(8) === 0 ? [["id", 1000 + dice(9000)]] : [];
    return JSON.stringify(Object.fromEntries([...fields, ...id, ...parent]));
  }

  return {
    read() {
      const resource = pick(RESOURCES);
      const path = dice(10) === 0
        ? `/${resource}/${pick(VALUES)}?${relations(50).slice(1)}`
        : dice(10) === 0
        ? `/${pick(["users", "posts", "notes"])}/${
          1 + dice(12)
        }/${resource}${query()}`
        : dice(30) === 0
        ? pick([
          "/profile",
          "/nope",
          "/nope/1",
          "/profile/1",
          "/posts/1/comments/1",
          "/profile?a=1",
        ])
        : `/${resource}${query()}`;
      return { method: dice(20) === 0 ? "HEAD" : "GET", path };
    },
    write() {
      // Texts as ids would make the next id random: no two would be the same.
      const resource = pick(RESOURCES.filter((name) => name !== "notes"));
      const one = `/${resource}/${1 + dice(60)}`;
      switch (dice(6)) {
        case 0:
          // Each is there. json-server deletes what is orphaned even where it finds nothing to delete.
          return { method: "DELETE", path: `/todos/${++deleted}` };
        case 1:
          return { method: "PUT", path: one, body: body() };
        case 2:
          return { method: "PATCH", path: one, body: body() };
        case 3:
          return {
            method: pick(["PUT", "PATCH", "POST", "DELETE"]),
            path: "/profile",
            body: body(),
          };
        case 4:
          return {
            method: "POST",
            path: `/posts/${1 + dice(20)}/comments`,
            body: body(),
          };
        default:
          return { method: "POST", path: `/${resource}`, body: body() };
      }
    },
  };
}
