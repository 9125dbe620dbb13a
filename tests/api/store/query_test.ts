import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  createFieldReader,
  type Document,
} from "../../../tasks/api/store/document.ts";
import {
  contains,
  parsePattern,
  parseWhere,
  toCondition,
} from "../../../tasks/api/store/filter.ts";
import { Problem } from "../../../tasks/api/store/problem.ts";
import {
  everything,
  parseQuery,
  type Query,
} from "../../../tasks/api/store/query.ts";
import { select } from "../../../tasks/api/store/reads.ts";

const queryOf = (text: string) => parseQuery(new URLSearchParams(text));

Deno.test("a pattern is refused where it may take long or is no pattern", () => {
  const texts = [
    ..."( ) [ ] { } + ? * \\ a* a+ a? ^(a+)+$ (a|b) a{2} a$b a^b \\b .** .*? $^ .++ [] [^] [z-a] [a]+ \\d+"
      .split(" "),
    "a".repeat(201),
  ];
  for (const text of texts) {
    const refuse = () => queryOf(`title_like=${encodeURIComponent(text)}`);
    const { status, message } = assertThrows(refuse, Problem);
    assertEquals(status, 400);
    assert(message.startsWith('Cannot read title_like "'), message);
  }
});

Deno.test("a pattern matches what the regular expression matches", () => {
  const values = fc.string({
    unit: fc.constantFrom(..."aAbÜü .\n"),
    maxLength: 12,
  });
  const part = fc.constantFrom(
    ...["a", "b", "ü", ".", ".*", ".+", "\\.", " ", ""],
    ...["[ab]", "[a-c. ]", "\\w", "\\d", "|", "|^"],
  );
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.array(part, { maxLength: 6 }),
      fc.boolean(),
      values,
      (atStart, parts, atEnd, value) => {
        const text = (atStart ? "^" : "") + parts.join("") + (atEnd ? "$" : "");
        assertEquals(
          parsePattern(text, "a_like")(value),
          new RegExp(text, "i").test(value),
          text,
        );
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("a pattern that is made to take for ever answers within 50 ms", () => {
  const values = ["a".repeat(28), "a".repeat(100_000), "a\n".repeat(50_000)];
  const texts = [
    `^${"a.*".repeat(60)}b$`,
    `${".*a".repeat(60)}b`,
    `${"a".repeat(199)}b`,
  ];
  for (const text of texts) {
    const matches = parsePattern(text, "a_like");
    for (const value of values) {
      // whatever else the machine does slows down some of the tries, not all
      let took = Infinity;
      for (let tries = 0; tries < 20 && took >= 50; tries++) {
        const begun = performance.now();
        assertEquals(matches(value), false);
        took = Math.min(took, performance.now() - begun);
      }
      assert(took < 50, `${text.slice(0, 10)} took ${took} ms`);
    }
  }
});

Deno.test("a query is read as json-server reads it", () => {
  const table: readonly (readonly [text: string, query: Partial<Query>])[] = [
    ["", {}],
    ["q=&_sort=&_page=&_end=&_limit=", {
      ignored: ["_page", "_end", "_limit"],
    }],
    ["q=The", { search: "the" }],
    ["_=1&callback=f&_delay=5&_strict=", {}],
    ["_sort=a,b&_order=DESC", {
      sort: [{ path: "a", descending: true }, { path: "b", descending: false }],
    }],
    ["_order=asc", { ignored: ["_order"] }],
    ["_page=2", {
      page: { number: 2, size: 10 },
      slice: { start: 10, end: 20 },
    }],
    ["_page=-1&_limit=5", {
      page: { number: 1, size: 5 },
      slice: { start: 0, end: 5 },
      ignored: ["_page"],
    }],
    ["_page=x&_limit=x", {
      page: { number: 1, size: 10 },
      slice: { start: 0, end: 10 },
      ignored: ["_page", "_limit"],
    }],
    ["_start=2", { ignored: ["_start"] }],
    ["_start=2&_end=5", { slice: { start: 2, end: 5 } }],
    ["_start=2&_limit=5", { slice: { start: 2, end: 7 } }],
    ["_end=x", { slice: { start: 0, end: 0 }, ignored: ["_end"] }],
    ["_embed=a&_embed=b&_embed=a&_embed=&_expand=c&_expand=c", {
      embed: ["a", "b"],
      expand: ["c"],
    }],
    ["_sort=a,a,-b&_order=desc,asc", {
      sort: [
        { path: "a", descending: true },
        { path: "-b", descending: false },
      ],
    }],
    ["_page=2&_per_page=5", {
      page: { number: 2, size: 5, enveloped: true },
      slice: { start: 5, end: 10 },
    }],
    ["_page=x&_per_page=&_limit=3", {
      page: { number: 1, size: 10, enveloped: true },
      slice: { start: 0, end: 10 },
      ignored: ["_page", "_per_page", "_limit"],
    }],
    ["_page=1&_limit=5&_per_page=5", {
      page: { number: 1, size: 5, enveloped: true },
      slice: { start: 0, end: 5 },
    }],
    ["_page=1&_per_page=-3", {
      page: { number: 1, size: 1, enveloped: true },
      slice: { start: 0, end: 1 },
      ignored: ["_per_page"],
    }],
    ["_per_page=5&_where=", { ignored: ["_per_page", "_where"] }],
    ["a.b_gte=1&a.b_gte=2&_like=x", {
      filters: [
        { key: "a.b_gte", path: "a.b", operator: "gte", values: ["1", "2"] },
        { key: "_like", path: "", operator: "like", values: ["x"] },
      ],
    }],
    ["a.b:in=1,2&a_gt=1&a:b_ne=2&a:of=3", {
      filters: [
        { key: "a.b:in", path: "a.b", operator: ":in", values: ["1,2"] },
        { key: "a_gt", path: "a", operator: "gt", values: ["1"] },
        { key: "a:b_ne", path: "a:b", operator: "ne", values: ["2"] },
        { key: "a:of", path: "a:of", operator: "eq", values: ["3"] },
      ],
    }],
  ];
  for (const [text, query] of table) {
    assertEquals(queryOf(text), { ...everything, ...query }, text);
  }
});

Deno.test("values are compared as texts, and in gte and lte as numbers where they are some", () => {
  const table:
    readonly (readonly [filter: string, value: unknown, met: boolean])[] = [
      ["a=1", 1, true],
      ["a=1", "1", true],
      ["a=01", 1, false],
      ["a=1.0", 1, false],
      ["a=true", true, true],
      ["a=null", null, false],
      ["a=1,2", [1, 2], true],
      ["a=1&a=2", 2, true],
      ["a_ne=1", 2, true],
      ["a_ne=1", "1", false],
      ["a_ne=1&a_ne=2", 2, false],
      ["a_ne=1", null, false],
      ["a_gte=9", 10, true],
      ["a_gte=9", "10", false],
      ["a_lte=9", "10", true],
      ["a_lte=x", 1, false],
      ["a_gte=", 1, true],
      ["a_lte=1", true, true],
      ["a_like=^1", 12, true],
      ["a_like=", undefined, false],
      ["a_gt=9", 10, true],
      ["a_gt=10", 10, false],
      ["a_gt=9", "10", false],
      ["a_lt=x", "a", true],
      ["a_lt=1", null, false],
      ["a:eq=1", "1", true],
      ["a:eq=01", 1, true],
      ["a:eq=01", "01", true],
      ["a:eq=null", null, true],
      ["a:ne=1", null, true],
      ["a:ne=1", undefined, false],
      ["a:in=3, 1", 1, true],
      ["a:gte=1e1", 10, true],
      ["a:gt=2024-01-01", "2024-05-01", true],
      ["a:lt=5", "x", false],
      ["a:lte=true", 1, true],
      ["a:contains=BC", "abcd", true],
      ["a:contains=1", 1, false],
      ["a:startsWith=01", "012", true],
      ["a:endsWith=D", "abcd", true],
    ];
  for (const [text, a, met] of table) {
    const [filter] = queryOf(text).filters;
    assertEquals(filter && toCondition(filter)({ a }), met, `${text} ${a}`);
  }
});

Deno.test("a search looks at values, not at names, and at no 0 and no false", () => {
  const value = { name: [{ deep: "Über" }], size: 10, zero: 0, no: false };
  const found = ["über", "10", "name", "0", "false", "1"]
    .filter((text) => contains(value, text));
  assertEquals(found, ["über", "10", "0", "1"]);
});

Deno.test("a field is a document's own", () => {
  const read = (path: string) => createFieldReader(path)(value);
  const value = JSON.parse('{"__proto__":{"x":1},"a":[{"b":null}],"t":"abc"}');
  assertEquals(read("__proto__.x"), 1);
  assertEquals(read("a[0].b"), null);
  for (const path of ["constructor", "a.toString", "a.0.b.c", "t.x", "", "."]) {
    assertEquals(read(path), undefined, path);
  }
});

Deno.test("documents are sorted by numbers and texts, then null, then what lacks the field", () => {
  const documents: Document[] = [
    { id: 1 },
    { id: 2, a: null },
    { id: 3, a: 10, b: "x" },
    { id: 4, a: 9 },
    { id: 5, a: 10, b: "a" },
  ];
  const idsOf = (text: string) =>
    select(documents, queryOf(text)).documents.map(({ id }) => id);
  assertEquals(idsOf("_sort=a"), [4, 3, 5, 2, 1]);
  assertEquals(idsOf("_sort=a&_order=desc"), [1, 2, 3, 5, 4]);
  assertEquals(idsOf("_sort=a,b"), [4, 5, 3, 2, 1]);
  assertEquals(idsOf("_sort=a,b&_order=desc,asc"), [1, 2, 5, 3, 4]);
  assertEquals(documents.map(({ id }) => id), [1, 2, 3, 4, 5]);
});

Deno.test("what of a query changes nothing is named, with what was meant", () => {
  const documents = [{ id: 1, userId: 1, address: { city: "Oakham" } }];
  const table: readonly (readonly [
    text: string,
    ignored: readonly (readonly [string, string | undefined])[],
  ])[] = [
    ["userId=1", []],
    ["usrId=1", [["usrId", "userId"]]],
    ["address.cty=1", [["address.cty", "address.city"]]],
    ["_srot=id", [["_srot", "_sort"]]],
    ["zzzzzzzz=1", [["zzzzzzzz", undefined]]],
    ["_sort=usrId", [["_sort", "userId"]]],
    ["usrId_ne=1", []],
    ["_page=x&q=a", [["_page", undefined]]],
    ["_sort=-usrId,-id", [["_sort", "userId"]]],
    ["userId:like=1", [["userId:like", "userId_like"]]],
    ["userId_startswith=1", [["userId_startswith", "userId:startsWith"]]],
    ["userId:containz=1", [["userId:containz", "userId:contains"]]],
    ["usrId:startswith=1", [["usrId:startswith", "userId:startsWith"]]],
    ["a".repeat(200) + "=1", [["a".repeat(200), undefined]]],
    ["userId=1&_where={}", [["userId", undefined]]],
  ];
  for (const [text, ignored] of table) {
    assertEquals(
      select(documents, queryOf(text)).ignored
        .map(({ key, meant }) => ({ key, meant })),
      ignored.map(([key, meant]) => ({ key, meant })),
      text,
    );
  }
  assertEquals(select([], queryOf("usrId=1&_sort=x")).ignored, []);
});

Deno.test("any query is read, or refused as a whole", () => {
  const documents = [{ id: 1, a: { b: [""] } }, { id: "x", a: null }];
  const name = fc.oneof(
    fc.string(),
    fc.constantFrom("_page", "_limit", "_end", "_sort", "a.b_gte"),
  );
  fc.assert(fc.property(fc.array(fc.tuple(name, fc.string())), (pairs) => {
    try {
      const { total } = select(
        documents,
        parseQuery(new URLSearchParams(pairs)),
      );
      assert(total <= 2);
    } catch (error) {
      assert(error instanceof Problem);
    }
  }));
});

Deno.test("for any value version 1's operators are JavaScript's", () => {
  const scalar = fc.oneof(
    fc.integer({ min: -3, max: 12 }),
    fc.constantFrom("a", "B", "ab", "", "10", "9", "2024-05-01"),
    fc.boolean(),
    fc.constant(null),
  );
  const lower = (value: unknown) => String(value).toLowerCase();
  const isText = (value: unknown) => typeof value === "string";
  type Scalar = string | number | boolean | null;
  const predicates: Record<
    string,
    (found: Scalar, wanted: Scalar) => boolean
  > = {
    eq: (found, wanted) => String(found) === String(wanted),
    ne: (found, wanted) => String(found) !== String(wanted),
    in: (found, wanted) => String(found) === String(wanted),
    lt: (found, wanted) => (found ?? 0) < (wanted ?? 0),
    lte: (found, wanted) => (found ?? 0) <= (wanted ?? 0),
    gt: (found, wanted) => (found ?? 0) > (wanted ?? 0),
    gte: (found, wanted) => (found ?? 0) >= (wanted ?? 0),
    contains: (found, wanted) =>
      isText(found) && lower(found).includes(lower(wanted)),
    startsWith: (found, wanted) =>
      isText(found) && lower(found).startsWith(lower(wanted)),
    endsWith: (found, wanted) =>
      isText(found) && lower(found).endsWith(lower(wanted)),
  };
  const operator = fc.constantFrom(...Object.keys(predicates));
  fc.assert(
    fc.property(operator, scalar, scalar, (name, found, wanted) => {
      const meets = predicates[name];
      const where = parseWhere(JSON.stringify({ a: { [name]: wanted } }));
      assertEquals(where({ a: found }), meets?.(found, wanted));
      assertEquals(where({}), false);
      // In a URL `10` is a number.
      const isNumber = isText(wanted) && wanted !== "" &&
        !isNaN(Number(wanted));
      if (isNumber) return;
      const query = `a:${name}=${encodeURIComponent(String(wanted))}`;
      const [filter] = queryOf(query).filters;
      assertEquals(
        filter && toCondition(filter)({ a: found }),
        where({ a: found }),
        query,
      );
    }),
    { numRuns: 2000 },
  );
});

Deno.test("filters reach into lists: some element must match, or for ne all", () => {
  const documents: Document[] = [
    { id: 1, tags: ["a", "b"], items: [{ id: 1, name: "Ink" }, { id: 12 }] },
    { id: 2, tags: ["b"], items: [] },
    { id: 3, tags: [], items: [{ id: 2, name: "pen", at: [{ x: 5 }] }] },
    { id: 4, tags: "b", sizes: [3, 20] },
    { id: 5, tags: null, meta: { views: 10 } },
  ];
  const table: Record<string, number[]> = {
    "tags=b": [1, 2, 4],
    "tags=a": [1],
    "tags=a,b": [1],
    "tags[0]=a": [1],
    "tags.1=b": [1],
    "meta[views]=10": [5],
    "tags_like=^b$": [1, 2, 4],
    "tags_ne=b": [1, 3], // a list's text is another one, as in 0.17
    "tags:ne=b": [3, 5],
    "tags:eq=a": [1],
    "tags:in=x,a": [1],
    "tags:contains=B": [1, 2, 4],
    "tags:gt=a": [1, 2, 4],
    "items.id=12": [1],
    "items.id=1&items.id=2": [1, 3],
    "items.id_ne=1": [3],
    "items.id:ne=1": [3],
    "items.id:gte=12": [1],
    "items.name_like=^i": [1],
    "items.name:startsWith=p": [3],
    "items.at.x=5": [3],
    "items.at.x_gt=5": [],
    "sizes_gte=10": [4],
    "sizes_lte=2": [],
    "sizes_lt=4": [4],
  };
  for (const [text, ids] of Object.entries(table)) {
    const { documents: found, ignored } = select(documents, queryOf(text));
    assertEquals(found.map(({ id }) => id), ids, text);
    assertEquals(ignored, [], text);
  }
});

Deno.test("lists in a query are read as axios, jQuery, qs and PHP write them", () => {
  const documents: Document[] = [
    { id: 1, name: "ab", tags: ["u", "v"], meta: { sizes: [3], "7": "x" } },
    { id: 2, name: "a", tags: ["v"], meta: { sizes: [20, 3] } },
    { id: 3, name: "b", tags: [], lines: [{ at: ["p", "q"] }, { at: "p" }] },
    { id: "x", name: null, "odd[]": "o", "odd[0]": "z" },
  ];
  const table: Record<string, unknown[]> = {
    "id[]=1&id[]=x": [1, "x"],
    "id[0]=1&id[1]=3": [1, 3],
    "id%5B%5D=2&id%5B7%5D=3&id=1": [1, 2, 3],
    "id[0][]=1&id[1][0]=2": [1, 2],
    "id_ne[]=1&id_ne[]=2": [3, "x"],
    "id:in[0]=1,2&id:in[1]=3": [1, 2, 3],
    "id[]_ne=1": [2, 3, "x"],
    "id_gte[]=3&id[]=1&id[]=3": [3],
    "name[0]=ab&name[1]=b": [1, 3], // a text's letters are no places
    "name_like[]=^a$&name_like[]=^b": [2, 3],
    "tags[]=u": [1],
    "tags[0]=u": [1],
    "tags[0]=u&tags[1]=v": [1],
    "tags[0]=v&tags[0]=u": [1, 2],
    "tags[1]=v": [1],
    "tags[9]=v": [1, 2],
    "tags[0]=u&tags[2]=v": [1, 2],
    "meta[sizes][]=20&meta[sizes][]=3": [1, 2],
    "meta[sizes][0]=20": [2],
    "meta[sizes][5]=3": [1, 2],
    "meta[7]=x": [1],
    "lines[][at]=q": [3],
    "lines[0][at]=q": [3],
    "lines.at[1]=q": [3],
    "lines.at[5]=p": [3],
    "odd[]=o": ["x"],
    "odd[0]=z&odd[]=o": ["x"],
    "id[]=1&_where={}": [1, 2, 3, "x"],
    "_sort[]=name&_sort[]=id&_order[]=desc&id[]=1&id[]=2": [1, 2],
    "_sort[0]=name&_order[0]=asc&_limit[]=2": [2, 1],
    "q[]=AB": [1],
  };
  for (const [text, ids] of Object.entries(table)) {
    const { documents: found } = select(documents, queryOf(text));
    assertEquals(found.map(({ id }) => id), ids, text);
  }
  const { ignored } = select(
    documents,
    queryOf("nme[]=1&nme[]=2&_strict[]=&[]=1&[0]=1&_page[0]=x"),
  );
  assertEquals(
    ignored.map(({ key, meant }) => [key, meant]),
    [
      ["nme", "name"],
      ["_strict[]", "_strict"],
      ["[]", undefined],
      ["[0]", undefined],
      ["_page", undefined],
    ],
  );
  const { embed, expand } = queryOf("_embed[]=a&_embed[1]=b&_expand[0]=c");
  assertEquals([embed, expand], [["a", "b"], ["c"]]);
  const below = parseQuery(new URLSearchParams("id[]=2&id[0]=3"), [[
    "id",
    "1",
  ]]);
  assertEquals(select(documents, below).total, 1);
});

Deno.test("a field whose name is like an operator's is meant where there is one", () => {
  const documents = [
    { id: 1, "a:eq": "x", size_gt: 2, "-n": 1, n: 1 },
    { id: 2, "a:eq": "y", size_gt: 1, "-n": 2, n: 2, a: "x", size: 9 },
  ];
  const idsOf = (text: string) =>
    select(documents, queryOf(text)).documents.map(({ id }) => id);
  assertEquals(idsOf("a:eq=x"), [1]);
  assertEquals(idsOf("size_gt=1"), [2]);
  assertEquals(idsOf("_sort=-n"), [1, 2]);
  assertEquals(idsOf("a:ne=y"), [2]);
  assertEquals(idsOf("size_lt=10"), [2]);
  assertEquals(idsOf("_sort=-id"), [2, 1]);
  assertEquals(idsOf("_sort=-id&_order=asc"), [2, 1]);
});

Deno.test("_where finds what its object says, and nothing else in the query is looked at", () => {
  const documents = [
    { id: 1, a: 10, c: "x", in: { a: 10, b: null }, tags: ["u"] },
    { id: 2, a: 20, c: "Y", in: { a: 20 }, tags: ["u", "v"] },
  ];
  const table: readonly (readonly [where: unknown, ids: number[]])[] = [
    [{}, [1, 2]],
    [{ a: { gt: 10 } }, [2]],
    [{ a: { gt: 0, lt: 20 } }, [1]],
    [{ a: 10, c: "x" }, [1]],
    [{ id: { eq: "1" } }, [1]],
    [{ a: { in: [10, 20] } }, [1, 2]],
    [{ a: { in: 20 } }, [2]],
    [{ in: { a: { gte: 20 } } }, [2]],
    [{ in: { b: { eq: null } } }, [1]],
    [{ or: [{ a: { lt: 11 } }, { c: { contains: "y" } }] }, [1, 2]],
    [{ or: [] }, []],
    [{ and: [{ a: 10 }, { c: "Y" }] }, []],
    [{ not: { a: 10 } }, [2]],
    [{ in: { or: [{ a: 20 }, { b: 1 }] } }, [2]],
    [{ tags: "v" }, [2]],
    [{ nope: {} }, [1, 2]],
    [{ nope: { ne: 1 } }, []],
  ];
  for (const [where, ids] of table) {
    const text = encodeURIComponent(JSON.stringify(where));
    const query = queryOf(`c=z&a_gte=999&_where=${text}`);
    assertEquals(
      select(documents, query).documents.map(({ id }) => id),
      ids,
      JSON.stringify(where),
    );
    assertEquals(query.ignored, ["c", "a_gte"]);
  }
  const parent = parseQuery(new URLSearchParams("_where={}"), [["a", "10"]]);
  assertEquals(select(documents, parent).total, 1);
});

Deno.test("a _where that cannot be read is refused with the place", () => {
  const deep = '{"not":'.repeat(5000) + "{}" + "}".repeat(5000);
  const table: Record<string, RegExp> = {
    '{"a":}': /^Cannot read _where: Unexpected token '}' \(line 1 column 6\)$/,
    ["[".repeat(5000)]:
      /^Cannot read _where: Unexpected end \(line 1 column 5001\)$/,
    "[]": /^Cannot read _where: expected an object$/,
    '{"or":{}}': /^Cannot read _where at "or": expected a list$/,
    '{"or":[{},1]}': /^Cannot read _where at "or\[1\]": expected an object$/,
    '{"not":[]}': /at "not": expected an object$/,
    '{"a":{"gt":1,"gtt":2}}': /at "a.gtt": expected one of eq, ne, in, /,
    '{"a":{"gt":{}}}': /at "a.gt": expected a text, a number, true, false or /,
    '{"a":[1]}': /at "a": expected a text/,
    [deep]: /at "not.not[.not]*": expected at most 20 levels$/,
    [`{"or":[${"{},".repeat(300)}{}]}`]: /expected at most 200 objects$/,
  };
  for (const [text, message] of Object.entries(table)) {
    const refuse = () => queryOf(`_where=${encodeURIComponent(text)}`);
    const problem = assertThrows(refuse, Problem);
    assertEquals(problem.status, 400);
    assertMatch(problem.message, message);
  }
});

Deno.test("uncontrolled resource consumption: a query that asks for too much at once is refused", () => {
  const many = (count: number, pair: (at: number) => string, by = "&") =>
    Array.from({ length: count }, (_, at) => pair(at)).join(by);
  const table: Record<string, string> = {
    [many(6000, (at) => `k${at}=1`)]: "100 different names, got 6000",
    [`_sort=${many(5000, (at) => `k${at}`, ",")}`]: "20 names in _sort",
    [many(21, (at) => `_embed=k${at}`)]: "20 names in _embed, got 21",
    [many(21, (at) => `_embed[${at}]=k${at}`)]: "20 names in _embed, got 21",
    [many(101, (at) => `k${at}[]=1`)]: "100 different names, got 101",
    [many(51, (at) => `a_like[${at}]=1`)]: "50 texts to look for, got 51",
    [many(21, (at) => `_expand=k${at}`)]: "20 names in _expand, got 21",
    [many(51, (at) => `a_like=${at}`)]: "50 texts to look for, got 51",
    [`a_like=${many(51, () => "a", "|")}`]: "50 texts to look for, got 51",
    [many(51, (at) => `a:contains=${at}`)]: "50 texts to look for, got 51",
    [many(12, () => `a_like=${"b".repeat(190)}`)]:
      "2000 characters of patterns, got 2280",
    [many(201, (at) => `a_gte=${at}`)]: "200 values to compare with, got 201",
  };
  for (const [text, most] of Object.entries(table)) {
    const { status, message } = assertThrows(() => queryOf(text), Problem);
    assertEquals(status, 400);
    assert(
      message.startsWith(`Cannot read the query: expected at most ${most}`),
      message,
    );
  }
  queryOf(many(2000, () => "_embed=a&_expand=b&_sort=c"));
  const ids = queryOf(many(1000, (at) => `id=${at}`));
  assertEquals(select([{ id: 7 }, { id: 1007 }], ids).total, 1);
  const listed = queryOf(many(5000, (at) => `id[${at}]=${at}`));
  assertEquals(select([{ id: 7 }, { id: 5007 }], listed).total, 1);
  assertEquals(queryOf(many(21, (at) => `_embed[${at}]=a`)).embed, ["a"]);
  const started = performance.now();
  queryOf(`a${"[1]".repeat(20_000)}b=1`);
  queryOf(many(60, (at) => `k${at}${"[1]".repeat(330)}b=1`));
  assert(performance.now() - started < 1000);
});

Deno.test("uncontrolled resource consumption: a query that takes too long is given up", () => {
  const slow = {
    id: 1,
    get a(): string {
      for (const end = performance.now() + 50; performance.now() < end;);
      return "a";
    },
  };
  const documents = Array.from({ length: 200 }, () => slow);
  for (const text of ["a=a", "_sort=a", "q=z", "nope.a=1&a=b"]) {
    const started = performance.now();
    const refuse = () => select(documents, queryOf(text));
    const { status, message } = assertThrows(refuse, Problem);
    assertEquals(status, 400);
    assertMatch(message, /^Cannot answer the query: it takes too long; /);
    assert(performance.now() - started < 9_000, text);
  }
});
