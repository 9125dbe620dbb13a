import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { UsageError } from "../../lib/cli/errors.ts";
import { formatDocument, formatJson } from "../../tasks/get/body/json.ts";
import { formatItem, type Item, parseItem } from "../../tasks/get/items.ts";
import { parseMethod } from "../../tasks/get/options.ts";
import { codePoint } from "../code_point.ts";

Deno.test("items are read by their leftmost operator", () => {
  for (
    const [text, kind, path, value] of [
      ["Accept:text/plain", "header", ["Accept"], "text/plain"],
      ["Accept:", "header", ["Accept"], ""],
      ["X:a=b:c", "header", ["X"], "a=b:c"],
      ["q==a b", "query", ["q"], "a b"],
      ["filter[a]==1", "query", ["filter[a]"], "1"],
      ["title=foo", "text", ["title"], "foo"],
      ["title=", "text", ["title"], ""],
      ["title=a\nb", "text", ["title"], "a\nb"],
      ["url=http://a/?b=c", "text", ["url"], "http://a/?b=c"],
      ["id:=12345678901234567890", "json", ["id"], "12345678901234567890"],
      ["list:=[1, 2]", "json", ["list"], "[1, 2]"],
      ["a[b][]=c", "text", ["a", "b", ""], "c"],
      ["a[0]:=1", "json", ["a", "0"], "1"],
      ["a=@b.txt", "textFile", ["a"], "b.txt"],
      ["a:=@b.json", "jsonFile", ["a"], "b.json"],
      ["a@b.png", "file", ["a"], "b.png"],
      ["X-A:@b.txt", "headerFile", ["X-A"], "b.txt"],
      ["X-A: @b.txt", "header", ["X-A"], " @b.txt"],
      ["X-A:\\@b", "header", ["X-A"], "@b"],
      ["q==@b.txt", "queryFile", ["q"], "b.txt"],
      ["q==\\@b", "query", ["q"], "@b"],
      ["=v", "text", [""], "v"],
      ["==v", "query", [""], "v"],
      [":=1", "json", [""], "1"],
      ["=@b", "textFile", [""], "b"],
      ["[]=x", "text", ["", ""], "x"],
      ["[0][a]:=1", "json", ["", "0", "a"], "1"],
      ["[]@b.png", "file", ["", ""], "b.png"],
      ["a\\:b=c", "text", ["a:b"], "c"],
      ["a\\[b\\]=c", "text", ["a[b]"], "c"],
      ["a\\\\=c", "text", ["a\\"], "c"],
      ["C\\x=c", "text", ["C\\x"], "c"],
      ["path=C:\\new\\\\server", "text", ["path"], "C:\\new\\\\server"],
      ["a\\;b=c", "text", ["a;b"], "c"],
      ["a;b=c", "text", ["a;b"], "c"],
      ["X-A;", "header", ["X-A"], " "],
      ["X-A;:;", "header", ["X-A;"], ";"],
      ["a\\;;", "header", ["a;"], " "],
      ["o[\\1]=c", "text", ["o", "\\1"], "c"],
      ["\\-1[\\\\1]=c", "text", ["\\-1", "\\\\1"], "c"],
      ["\\1==c", "query", ["\\1"], "c"],
      ["a=\\=b", "text", ["a"], "=b"],
      ["a=\\@b", "text", ["a"], "@b"],
    ] as const
  ) assertEquals(parseItem(text), { kind, path: [...path], value }, text);
});

Deno.test("a malformed item is a usage error that says why", () => {
  for (
    const [text, why] of [
      [
        "",
        "expected key=text, key:=json, Header:value or name==value",
      ],
      ["-", "expected key=text"],
      ["title", "expected key=text"],
      [";", "expected key=text"],
      ["a;b;", "expected key=text"],
      ["X-A\\;", "expected key=text"],
      [":x", "its name is missing"],
      [":@x", "its name is missing"],
      ["@x", "its name is missing"],
      ["[a]=x", "expected an index or nothing between its first brackets"],
      ["[-1]=x", "expected an index or nothing between its first brackets"],
      ["foo[bar=baz]=x", "its brackets do not match"],
      ...["k=@", "k:=@", "k@", "k@;type=a/b", "X-A:@", "q==@", "[]=@"].map(
        (text) => [text, "its file is missing"] as const,
      ),
      ["a[b=x", "its brackets do not match"],
      ["a]=x", "its brackets do not match"],
      ["a[b]c=x", "its brackets do not match"],
      ["a:=", "its value is not JSON"],
      ["a:=x", "its value is not JSON"],
      ["a:={'b':1}", "its value is not JSON"],
    ] as const
  ) {
    assertThrows(
      () => parseItem(text),
      UsageError,
      `Cannot parse item "${text}": ${why}`,
    );
  }
});

const text = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."\\:=@;[]a1- ") }),
  fc.string({ unit: codePoint }),
);
const name = text.filter((name) => name !== "");
const file = name.filter((name) => !name.startsWith(";type="));
const index = fc.constantFrom("", "0", "17");
const path: fc.Arbitrary<Item["path"]> = fc.oneof(
  fc.tuple(name, fc.array(text, { maxLength: 3 }))
    .map(([name, steps]): Item["path"] => [name, ...steps]),
  fc.tuple(index, fc.array(text, { maxLength: 3 }))
    .map(([index, steps]): Item["path"] => ["", index, ...steps]),
);
const item: fc.Arbitrary<Item> = fc.oneof(
  fc.record({
    kind: fc.constant<"header">("header"),
    path: fc.tuple(name),
    value: text,
  }),
  fc.record({
    kind: fc.constant<"headerFile">("headerFile"),
    path: fc.tuple(name),
    value: file,
  }),
  fc.record({
    kind: fc.constant<"query">("query"),
    path: fc.tuple(text),
    value: text,
  }),
  fc.record({
    kind: fc.constant<"queryFile">("queryFile"),
    path: fc.tuple(text),
    value: file,
  }),
  fc.record({ kind: fc.constant<"text">("text"), path, value: text }),
  fc.record({
    kind: fc.constantFrom<Item["kind"]>("textFile", "jsonFile", "file"),
    path,
    value: file,
  }),
  fc.record({
    kind: fc.constant<"json">("json"),
    path: fc.tuple(name),
    value: fc.json(),
  }),
);

Deno.test("a value that is not JSON is text, or has lost its quotes", () => {
  for (
    const [text, hint] of [
      ["title:=foo", "text has = alone: title=TEXT"],
      ["ok:=True", "JSON writes true, false and null: ok:=true"],
      ["ok:=FALSE", "JSON writes true, false and null: ok:=false"],
      ["ok:=None", "JSON writes true, false and null: ok:=null"],
      ["a:=[b]", "in single quotes a shell leaves JSON as it is"],
      ["a:={b:1}", "in single quotes a shell leaves JSON as it is"],
    ] as const
  ) {
    const error = assertThrows(() => parseItem(text), UsageError);
    assertEquals(error.hint, hint);
  }
});

Deno.test("an item comes back from its text for any item", () => {
  fc.assert(fc.property(item, (item) => {
    assertEquals(parseItem(formatItem(item)), item);
  }));
  for (const text of ["a[\\1]=b", "\\-1=b", "a[\\\\1]:=2", "a[1]=b"]) {
    assertEquals(formatItem(parseItem(text)), text);
  }
});

Deno.test("an item parses or is a usage error for any text", () => {
  fc.assert(fc.property(text, (text) => {
    try {
      parseItem(text);
    } catch (error) {
      assertInstanceOf(error, UsageError);
    }
  }));
});

function bodyOf(...items: string[]): string {
  return formatDocument(
    items.map((item) => parseItem(item)).map(({ kind, path, value }) => ({
      path,
      json: kind === "json" ? value : JSON.stringify(value),
    })),
  );
}

Deno.test("fields become JSON in their order, with every digit", () => {
  for (
    const [items, json] of [
      [[], "{}"],
      [["title=foo", "userId:=1"], '{"title":"foo","userId":1}'],
      [["10=a", "2=b"], '{"10":"a","2":"b"}'],
      [["n:=1.10", "e:=1e400"], '{"n":1.10,"e":1e400}'],
      [["a=1", "b=2", "a=3"], '{"a":"3","b":"2"}'],
      [["__proto__[x]:=1"], '{"__proto__":{"x":1}}'],
      [["a[b][c]=1", "a[b][d]=2"], '{"a":{"b":{"c":"1","d":"2"}}}'],
      [["a[]=1", "a[]=2"], '{"a":["1","2"]}'],
      [
        ["a[0][x]=1", "a[0][y]=2", "a[1][x]=3"],
        '{"a":[{"x":"1","y":"2"},{"x":"3"}]}',
      ],
      [["a[][]:=1"], '{"a":[[1]]}'],
      [["[]=1"], '["1"]'],
      [["[]:=1.10", "[]:=1e400"], "[1.10,1e400]"],
      [["[0]=x"], '["x"]'],
      [["[0][a]=1", "[0][b]=2"], '[{"a":"1","b":"2"}]'],
      [["[][a]=1", "[][b]=2"], '[{"a":"1"},{"b":"2"}]'],
      [["[2]=x", "[]=y"], '[null,null,"x","y"]'],
      [["[1]:=1", "[0]=x"], '["x",1]'],
      [["a[0]=x", "a[2]=y"], '{"a":["x",null,"y"]}'],
      [["a[2]=1", "a[0][x]=2"], '{"a":[{"x":"2"},null,"1"]}'],
      [["a[01]=1"], '{"a":[null,"1"]}'],
      [
        ['a:={"k":1.10,"2":[1, 2],"1":{"x":"},"}}', "a[\\2][]=b", "a[c]=d"],
        '{"a":{"k":1.10,"2":[1,2,"b"],"1":{"x":"},"},"c":"d"}}',
      ],
      [
        ['a:= [ {"k" : "\\"]"} , 1.10 ] ', "a[0][l]=m", "a[3]:=[]"],
        '{"a":[{"k":"\\"]","l":"m"},1.10,null,[]]}',
      ],
      [["a:={}", "a[b]=c", "d:=[]", "d[]=e"], '{"a":{"b":"c"},"d":["e"]}'],
      [
        ['a:={"":[],"__proto__":0}', "a[b]=c"],
        '{"a":{"":[],"__proto__":0,"b":"c"}}',
      ],
      [["=v"], '{"":"v"}'],
      [["=v", "a=w", "=x"], '{"":"x","a":"w"}'],
      [["a[\\2024]=x", "a[\\-1]=y"], '{"a":{"2024":"x","-1":"y"}}'],
      [["a[k][1]=b", "a[k][0]=a"], '{"a":{"k":["a","b"]}}'],
      [['é"=ü\n'], '{"é\\"":"ü\\n"}'],
    ] as const
  ) assertEquals(bodyOf(...items), json);
});

Deno.test("what a backslash does in a name is what it does for HTTPie", () => {
  // the right side is what `http --offline --print=B` prints
  for (
    const [item, json] of [
      ["object[\\1]=x", '{"object":{"1":"x"}}'],
      ["a[\\-1]=x", '{"a":{"-1":"x"}}'],
      ["\\1=x", '{"1":"x"}'],
      ["1=x", '{"1":"x"}'],
      ["\\1[\\2][3]:=4", '{"1":{"2":[null,null,null,4]}}'],
      ["a[\\01]=x", '{"a":{"01":"x"}}'],
      ["a[\\\\1]=x", '{"a":{"\\\\1":"x"}}'],
      ["\\\\1=x", '{"\\\\1":"x"}'],
      ["a[\\\\\\1]=x", '{"a":{"\\\\\\\\1":"x"}}'],
      ["a[\\1b]=x", '{"a":{"\\\\1b":"x"}}'],
      ["a[b\\1]=x", '{"a":{"b\\\\1":"x"}}'],
      ["a[\\\\]=x", '{"a":{"\\\\":"x"}}'],
      ["a[\\[\\]]=x", '{"a":{"[]":"x"}}'],
      ["a[\\]1]=x", '{"a":{"]1":"x"}}'],
      ["a\\[b\\]=x", '{"a[b]":"x"}'],
      ["a[b\\:c\\=d\\@\\;]=x", '{"a":{"b:c=d@;":"x"}}'],
      ["\\a[\\b]=x", '{"\\\\a":{"\\\\b":"x"}}'],
    ] as const
  ) assertEquals(bodyOf(item), json, item);
});

Deno.test("a field that has no place is a usage error", () => {
  for (
    const [items, message] of [
      [
        ["a=1", "a[b]=2"],
        'Cannot set field "a[b]": what it is inside of has a value already',
      ],
      [["a:=[1]", "a[b]=2"], 'Cannot set field "a[b]": it is inside a list'],
      [["a:={}", "a[0]=2"], 'Cannot set field "a[0]": it is inside an object'],
      [
        ["a:=null", "a[b]=2"],
        'Cannot set field "a[b]": what it is inside of has a value already',
      ],
      [["a[]=1", "a[b]=2"], 'Cannot set field "a[b]": it is inside a list'],
      [["a[x]=1", "a[]=2"], 'Cannot set field "a[]": it is inside an object'],
      [["a[x]=1", "a[1]=2"], 'Cannot set field "a[1]": it is inside an object'],
      [["[]=1", "a=1"], 'Cannot set field "a": the body is a list'],
      [["[]=1", "=v"], 'Cannot set field "": the body is a list'],
      [["a=1", "[]=1"], 'Cannot set field "[]": the body is an object'],
      [["=v", "[0]=w"], 'Cannot set field "[0]": the body is an object'],
      [
        ["a[0]=1", "a[0][x]=2"],
        'Cannot set field "a[0][x]": what it is inside of has a value already',
      ],
      ...["a[999999999]", "[100000]", "a[b][99999999999999999999]", "a[-1]"]
        .map((name) =>
          [
            [`${name}=x`],
            `Cannot set field "${name}": expected an index from 0 to 99999`,
          ] as const
        ),
    ] as const
  ) {
    const error = assertThrows(() => bodyOf(...items), UsageError);
    assertEquals(error.message, message);
  }
});

Deno.test("what is no field is in no body, and no file is read for it", async () => {
  for (const text of ["X-A:none", "X-A:@none", "q==none", "q==@none"]) {
    await assertRejects(
      () => formatJson([parseItem(text)]),
      UsageError,
      `Cannot send "${text}" as JSON: it is no field`,
    );
  }
});

Deno.test("a method is a token, in capitals", () => {
  assertEquals(parseMethod("purge"), "PURGE");
  for (const text of ["", "A B", "GÉT", "GET\r\n"]) {
    assertThrows(
      () => parseMethod(text),
      UsageError,
      `Cannot use method "${text}"`,
    );
  }
});

Deno.test("a field joins the value that is there, for any value", () => {
  const value = fc.oneof(
    fc.dictionary(fc.string(), fc.jsonValue()).map((value) => ({
      value,
      step: "new",
    })),
    fc.array(fc.jsonValue()).map((value) => ({ value, step: "" })),
  );
  fc.assert(
    fc.property(value, fc.constantFrom(0, 1), ({ value, step }, indent) => {
      const json = JSON.stringify(value, null, indent);
      const joined = formatDocument([
        { path: ["a"], json },
        { path: ["a", step], json: "0" },
      ]);
      const expected = Array.isArray(value)
        ? [...value, 0]
        : { ...value, new: 0 };
      assertEquals(
        JSON.parse(joined),
        JSON.parse(JSON.stringify({ a: expected })),
      );
    }),
  );
});
