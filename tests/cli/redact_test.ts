import { assertEquals, assertLess } from "@std/assert";
import fc from "fast-check";
import { isSecret, redactText, redactUrl } from "../../lib/cli/redact.ts";

/** Names by what they sound like. */
const SECRET = `
  Authorization Proxy-Authorization authorisation authentication auth oauth X-Auth-Token authToken
  Cookie Set-Cookie cookies sid connect.sid session sessionid PHPSESSID JSESSIONID ASP.NET_SessionId laravel_session
  X-Api-Key x-api-key apikey apiKey APIKey API_KEY api.key api+key key AWSAccessKeyId private_key
  Ocp-Apim-Subscription-Key secretkey
  token tokens token[] accessToken access_token xauthtoken csrfmiddlewaretoken X-CSRF-Token ToKeN _csrf XSRF-TOKEN
  password passwd pwd pw pass db_pass user[password] newPassword pAsSwOrD passphrase passcode
  secret client_secret clientSecret credential X-Amz-Credential credentials
  sig signature X-Amz-Signature X-Hub-Signature-256 hmac jwt id_jwt bearer client_assertion code_verifier
  code CODE code[] auth_code authorizationCode device_code verification-code pin userPin pin_code otp totp
`.trim().split(/\s+/);

const HARMLESS = `
  design signal sign signed assign resign designer significant pinned spin pinterest opinion shopping
  zipcode zip_code postcode barcode encode codec unicode status_code statusCode error.code country-code promo_code
  monkey turkey donkey keyword keywords keyboard hotkey public_key Idempotency-Key primaryKey
  author authors co-author authority authored authentic WWW-Authenticate Access-Control-Allow-Credentials
  tokenize tokenizer max_tokens totalTokens token_type secretary possession obsession compass bypass passenger passport
  sidebar basket insight essid nonce state username user title body id userId Accept Content-Type Location ETag If-Match
`.trim().split(/\s+/);

Deno.test("isSecret() tells names that sound secret from those that only look like it", () => {
  assertEquals(SECRET.filter((name) => !isSecret(name)), []);
  assertEquals(HARMLESS.filter(isSecret), []);
});

const URLS: [string, string][] = [
  ["http://me:pw@a.example/x?y", "http://***@a.example/x?y"],
  ["http://me:p@w@a.example", "http://***@a.example"],
  ["http://a.example/me@b", "http://a.example/me@b"],
  ["photo@a.png", "photo@a.png"],
  ["//@a.example", "//@a.example"],
  ["", ""],
  ["/a?x=1&token=S&y=2", "/a?x=1&token=***&y=2"],
  ["/a?token=", "/a?token="],
  ["/a?token=S;S", "/a?token=***"],
  ["/a?token=S S", "/a?token=***"],
  ["/a?x=1;token=S", "/a?x=1;token=***"],
  ["/a;jsessionid=S?x=1#y", "/a;jsessionid=***?x=1#y"],
  ["/a;token=S/S", "/a;token=***"],
  [
    "#access_token=S&token_type=bearer&state=1",
    "#access_token=***&token_type=bearer&state=1",
  ],
  ["/#/x?code=S", "/#/x?code=***"],
  [
    "/?%74oken=S&pass%77ord=S&a=1",
    "/?%74oken=***&pass%77ord=***&a=1",
  ],
  ["/?user%5Bpassword%5D=S", "/?user%5Bpassword%5D=***"],
  ["/?api+key=S&SIG=S", "/?api+key=***&SIG=***"],
  [
    "/?to=https%3A%2F%2Fu%3AS%40h%2F%3Ftoken%3DS&x=1",
    "/?to=https%3A%2F%2F***%40h%2F%3Ftoken%3D***&x=1",
  ],
  [
    "/?to=https%253a%252f%252fh%252f%253ftoken%253dS",
    "/?to=https%253a%252f%252fh%252f%253ftoken%253d***",
  ],
  ["/?to=http://h/?token=S&x=1", "/?to=http://h/?token=***&x=1"],
  ["/?f={%22token%22:%22S%22}&x=1", "/?f={%22token%22:***&x=1"],
  ["0; url=http://h/?token=S", "0; url=http://h/?token=***"],
];

Deno.test("redactUrl() hides the user, the password and the parameters that sound secret, and nothing else", () => {
  for (const [url, shown] of URLS) assertEquals(redactUrl(url), shown, url);
});

Deno.test("redactText() hides them in the URLs of a sentence, and leaves the sentence", () => {
  for (
    const [text, shown] of [
      ["a http://me@b, //c:d@e", "a http://***@b, //***@e"],
      ["try 'http://h/?x=1&token=S'", "try 'http://h/?x=1&token=***'"],
      ["'http://h/?token=S'; or not", "'http://h/?token=***'; or not"],
      ["did you mean http://h/?token=S?", "did you mean http://h/?token=***?"],
      [
        "error sending request for url (http://h/?token=S): client error",
        "error sending request for url (http://h/?token=***): client error",
      ],
      [
        'Cannot parse URL "http://u:S@h/?token=S": expected http',
        'Cannot parse URL "http://***@h/?token=***": expected http',
      ],
      ["Invalid URL: 'http://u:S@h:x/'", "Invalid URL: 'http://***@h:x/'"],
      ['["//x","y@z"]', '["//x","y@z"]'],
      [
        "--proxy socks5://USER:PASSWORD@HOST:PORT",
        "--proxy socks5://USER:PASSWORD@HOST:PORT",
      ],
    ] as const
  ) assertEquals(redactText(text), shown);
});

Deno.test("redactUrl() and redactText() change nothing twice, for any text", () => {
  const part = fc.constantFrom(
    ..."?&;#=/:@%,. \"'<>",
    "//",
    "%2F%2F",
    "%40",
    "%3F",
    "%3D",
    "token",
    "S",
    "a",
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
      const text = parts.join("");
      for (const redact of [redactUrl, redactText]) {
        const shown = redact(text);
        assertEquals(redact(shown), shown, text);
      }
    }),
  );
});

Deno.test("ReDoS: a hostile text of 200 KB is read in less than five seconds", () => {
  for (
    const part of [
      ...["?", ",", ";", "//", "//a", "%26", "%2f%2f", "%2f%2fa", "%25"],
      ...["?a=", "?token=x", "; ", "?token=)", "@"],
    ]
  ) {
    const text = part.repeat(200_000 / part.length);
    const start = performance.now();
    redactUrl(text);
    redactText(text);
    assertLess(performance.now() - start, 5000, part);
  }
});
