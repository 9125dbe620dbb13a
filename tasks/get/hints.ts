/**
 * What the users of curl, HTTPie and wget type.
 *
 * @module
 */

/** What to type here, by what is typed there. */
const HINTS = {
  "-d --data --data-raw": "fields are operands: post URL title=foo userId:=1",
  "--data-urlencode --post-data": "fields are operands: post -f URL title=foo",
  "--data-binary": "a body is an operand: post URL @FILE, or - for stdin",
  "-F --multipart": "a form with a file: post -f URL title=foo picture@FILE",
  "-j": "JSON is what post sends already: post URL title=foo",
  "-T --upload-file": "a file is an operand: post -X PUT URL @FILE",
  "--request": "the method: -X METHOD",
  "-u --user -n": "credentials are --auth USER, or --auth @FILE",
  "-G": "the query is operands: get URL name==value",
  "-H --header": "headers are operands: get URL Accept:text/plain",
  "--headers -I --head": "for the headers alone: get -X HEAD -i URL",
  "-A --user-agent": "headers are operands: get URL User-Agent:me",
  "-e": "headers are operands: get URL Referer:URL",
  "--cookie": "headers are operands: get URL Cookie:name=value",
  "--cookie-jar --session --session-read-only --load-cookies --save-cookies":
    "no cookies are kept: get URL Cookie:name=value",
  "-r": "headers are operands: get URL Range:bytes=0-99",
  "-S -D": "headers and body: get -i URL",
  "-p --print": "parts of it: -i, -b or -v",
  "-L --location": "safe redirects are followed already",
  "--max-redirs": "at most N: --max-redirects N",
  "--fail --check-status": "a status of 400 or more exits 4 or 5 already",
  "-s --silent": "there is nothing to silence but the status line: -q",
  "-N --no-buffer --stream": "what comes is shown as it comes already",
  "--compressed": "compressed bodies are asked for and decoded already",
  "--download": "into a file of the URL's name: get -O URL",
  "-C --continue-at": "after what is there: get -c -O URL",
  "-J --content-disposition": "the name comes from the URL alone: get -O URL",
  "--output-document": "into a file: get -o FILE URL",
  "-P": "into a file: get -o FOLDER/FILE URL",
  "--url": "the URL is an operand: get URL",
  "-w --write-out": "how long it took: --time, or --json",
  "-m --max-time": "for all of it: --timeout HEAD,IDLE,TOTAL",
  "--connect-timeout": "up to the head of the answer: --timeout HEAD",
  "--max-filesize": "at most so many bytes: --max-size BYTES",
  "--tries": "try again N times: --retry N",
  "-x": "through a proxy: --proxy URL",
  "-E": "a certificate: --cert FILE --key FILE",
  "--cacert --ca-certificate": "an authority: --ca FILE",
  "--verify": "an authority: --ca FILE; none at all: -k",
  "--no-check-certificate": "any certificate: -k",
  "--unix-socket": "a socket: --unix PATH",
  "--http1.1": "the version: --http=1.1",
  "--http2": "the version: --http=2",
  "--trace": "what is sent and what comes: -v",
};

/** What to type here, by each option that other tools have. */
export const EXCHANGE_HINTS: Readonly<Record<string, string>> = Object
  .fromEntries(
    Object.entries(HINTS).flatMap(([options, hint]) =>
      options.split(" ").map((option) => [option, hint])
    ),
  );
