/**
 * What users of curl, wget and HTTPie type, and what to type here.
 *
 * @module
 */

import type { Hints } from "../../lib/cli/options.ts";

/** Options of other tools by their names there, each with what to type here, or that it is not there. */
export const EXCHANGE_HINTS: Hints = {
  // what is sent
  "-d --data --data-raw --data-ascii --body-data":
    "fields are items: hark post URL title=foo userId:=1; a file: hark post URL @FILE; JSON as it is: echo '...' | hark post URL -",
  "--data-urlencode --post-data --form-string":
    "of a form: hark post -f URL title=foo; of a query: hark get URL name==value",
  "--data-binary --post-file --body-file":
    "a body is an item: hark post URL @FILE, or - for stdin",
  "-F":
    "a form with a file: hark post -f URL title=foo picture@FILE, without one: --multipart; HTTPie's -F: redirects are followed already",
  "-j": "JSON is what post sends already: hark post URL title=foo",
  "-T --upload-file":
    "a file is an item: hark post -X PUT URL @FILE; wget's -T: --timeout HEAD,IDLE,TOTAL",
  "--file": "a file is an item: hark post URL @FILE",
  "--content-type": "a header: hark post URL Content-Type:TYPE",
  "--chunked": "stdin as it comes: hark post URL - Transfer-Encoding:chunked",
  "--compress": "it is not there: a body is sent as it is",
  "--boundary": "the boundary of a form is chosen already",
  "--ignore-stdin": "stdin is read for - alone already",
  "--request": "the method: -X METHOD",
  "--put": "the method: -X PUT",
  "--patch": "the method: -X PATCH",
  "--delete": "the method: -X DELETE",
  "--request-target": "only the path as it is typed: --path-as-is",
  "-G --get --url-query": "the query is items: hark get URL name==value",
  "-H --header": "headers are items: hark get URL Accept:text/plain",
  "--accept": "a header: hark get URL Accept:TYPE",
  "-A --user-agent":
    "headers are items: hark get URL User-Agent:me; HTTPie's -A: --digest, or --bearer TOKEN",
  "-e --referer": "headers are items: hark get URL Referer:URL",
  "-r --range":
    "headers are items: hark get URL Range:bytes=0-99; nothing is fetched recursively",
  "-z --time-cond --timestamping":
    "headers are items: hark get URL 'If-Modified-Since:DATE'",
  "--etag-compare --etag-save":
    "headers are items: hark get URL 'If-None-Match:ETAG'",
  "--cookie --cookies": "headers are items: hark get URL Cookie:name=value",
  "--cookie-jar --load-cookies --save-cookies --keep-session-cookies":
    "cookies are kept in a file from call to call: --session FILE",
  "--no-cookies --junk-session-cookies":
    "cookies are kept with --session FILE alone",
  "--port": "a port is of the URL: hark get :PORT/PATH",
  "--url": "the URL is no option: hark get URL",
  "--default-scheme --https --hsts --proto --proto-default --proto-redir":
    "a URL may begin with its scheme: hark get https://HOST/PATH",
  "-g --globoff": "no URL is globbed",
  "-K --config --disable": "it is not there: no file of options is read",
  "-Z --parallel --parallel-max --next --input-file":
    "several URLs are asked one after the other: hark get URL URL",
  "--remote-name-all": "-O saves each of several: hark get -O URL URL",
  "--recursive --mirror --page-requisites --no-parent --level --reject":
    "it is not there: only the URLs that you name: hark get -O URL URL",
  // who asks
  "-u --user --http-user --basic":
    "credentials are --auth USER, or --auth @FILE",
  "--password --http-password --ask-password":
    "--auth USER asks for it; --auth @FILE reads USER:PASSWORD",
  "--netrc-file --netrc-optional": "logins out of a file: --netrc FILE",
  "--ignore-netrc": "no .netrc is read unless you say --netrc",
  "-n":
    "logins out of a file: --netrc; wget's -nv is -q, its -nc is what -O does",
  "--oauth2-bearer --token": "a token: --bearer TOKEN, or --bearer @FILE",
  "--auth-type":
    "Basic is --auth USER, Digest --digest --auth USER, a token --bearer TOKEN",
  "--anyauth":
    "Basic is --auth USER, Digest --digest --auth USER: the error says which one a server wants",
  "--ntlm --negotiate --aws-sigv4":
    "it is not there: only --auth USER, with --digest or without, and --bearer TOKEN",
  // what is shown
  "-I --head --headers --spider":
    "for the headers alone: hark get -X HEAD -i URL",
  "-S --show-error --server-response":
    "errors are shown already; headers and body: hark get -i URL",
  "-D --dump-header": "headers and body: hark get -i URL",
  "-p --print": "parts of it: -i, -b or -v",
  "--trace --trace-ascii --trace-time":
    "what is sent and what comes: -v; what it means: --explain",
  "--max-headers": "it is not there: a head of up to 512 KiB is read",
  "--all --history-print": "each redirect, with what is sent: -v",
  "-w --write-out":
    "the status, the headers and the times: --json; the times: --time; the exit code tells a status of 300 or more",
  "--meta": "how long it took: --time",
  "-s --silent --no-verbose":
    "there is nothing to silence but the status line: -q",
  "-# --progress-bar --show-progress --progress --no-progress-meter":
    "the progress of -o and -O is shown on a terminal already; to hide it: -q",
  "--stderr --output-file --append-output":
    "what is said goes to stderr: 2> FILE",
  "-N --no-buffer --stream": "what comes is shown as it comes already",
  "--style": "it is not there: there is one style; in a pipe too: --pretty",
  "--unsorted --sorted --format-options":
    "JSON keeps its order and its digits; to format it in a pipe too: --pretty",
  "--jq --filter --query --jsonpath --json-path --json-pointer":
    "one part of JSON: --pick PATH, as .items[0].name; for more, add | jq FILTER",
  "--response-charset --response-mime":
    "it is not there: the bytes as they come: --raw",
  "--compressed --compression":
    "compressed bodies are asked for and decoded already",
  "--traceback": "the stack of an error: --debug",
  "-M --manual": "all there is: --help",
  // where to
  "-O-": "the body goes to stdout already: hark get -q URL",
  "--output-document --save": "into a file: hark get -o FILE URL",
  "--download": "into a file of the URL's name: hark get -O URL",
  "-C --continue-at": "after what is there: hark get -c -O URL",
  "--content-disposition": "the name that the server gives: hark get -O -J URL",
  "--trust-server-names":
    "a redirect names no file: hark get -O URL; the name that the server gives: -J",
  "-P --directory-prefix --output-dir":
    "into a file: hark get -o FOLDER/FILE URL",
  "--create-dirs":
    "it is not there: the folder has to be made before: hark get -o FOLDER/FILE URL",
  "--no-clobber --skip-existing":
    "nothing that is there is written over: hark get -O URL",
  "-R --remote-time":
    "it is not there: a file has the time at which it was saved",
  "--remove-on-error":
    "it is not there: a part stays, to go on with: hark get -c -O URL",
  "--background": "it is not there: a shell can: hark get -q -O URL &",
  // what ends it
  "-L --location": "safe redirects are followed already",
  "--redirect --redirects":
    "safe ones are followed already; all of them: --follow all",
  "--location-trusted":
    "redirects are followed already; credentials go to no other origin",
  "--post301 --post302 --post303":
    "it is not there: a POST stays one after 307 and 308 alone",
  "--max-redirs --max-redirect": "at most N: --max-redirects N",
  "--fail --check-status": "a status of 400 or more exits 4 or 5 already",
  "--fail-with-body --fail-early --content-on-error":
    "a status of 400 or more exits 4 or 5 already, and its body is shown",
  "-m --max-time": "for all of it: --timeout HEAD,IDLE,TOTAL",
  "--connect-timeout --dns-timeout":
    "up to the head of the answer: --timeout HEAD",
  "-y -Y --speed-limit --speed-time --read-timeout":
    "a silence in the body: --timeout HEAD,IDLE",
  "--max-filesize": "at most so many bytes: --max-size BYTES",
  "--limit-rate --rate": "it is not there: a body comes as fast as it can",
  "--tries": "try again N times: --retry N",
  "--retry-delay --waitretry --wait --random-wait":
    "the pauses grow, or are what Retry-After says: --retry N",
  "--retry-max-time": "for all of it: --timeout HEAD,IDLE,TOTAL",
  "--retry-all-errors --retry-connrefused":
    "what may pass is tried again already, refused connections too: --retry N",
  // the way there
  "-x": "through a proxy: --proxy URL",
  "-U --proxy-user":
    "who asks a proxy is in its URL: --proxy http://USER:PASSWORD@HOST:PORT",
  "--noproxy --no-proxy": "past every proxy: --proxy ''",
  "--proxytunnel":
    "https goes through a proxy in a tunnel already: --proxy URL",
  "--proxy-header":
    "it is not there: a proxy is told its user alone: --proxy URL",
  "--proxy-insecure":
    "it is not there: an authority for its certificate is --ca FILE",
  "--socks5 --socks5-hostname --preproxy":
    "through a SOCKS proxy: --proxy socks5://HOST:PORT",
  "-E --certificate": "a certificate: --cert FILE --key FILE",
  "--private-key --cert-key":
    "a certificate and its key: --cert FILE --key FILE",
  "--pass --cert-key-pass":
    "it is not there: a key has to be decrypted before: --key FILE",
  "--crlfile --crl-file --cert-status":
    "it is not there: whether a certificate was revoked is not looked up; one alone: --pin SHA256",
  "--cacert --ca-certificate --capath": "an authority: --ca FILE",
  "--verify": "an authority: --ca FILE; none at all: -k",
  "--no-check-certificate --no-verify --ssl --no-ssl":
    "any certificate: -k; without TLS: http://",
  "--pinnedpubkey": "of the certificate, not of its key: --pin SHA256",
  "--tlsv1 --tlsv1.0 --tlsv1.1":
    "it is not there: TLS 1.2 and 1.3 alone are spoken",
  "-1 --tlsv1.2 --tlsv1.3 --tls-max --ssl-reqd --ciphers --secure-protocol":
    "TLS 1.2 and 1.3 alone are spoken already",
  "--unix-socket": "a socket: --unix PATH",
  "--abstract-unix-socket": "it is not there: a socket has a path: --unix PATH",
  "--connect-to --dns-servers --doh-url":
    "the address of a name: --resolve HOST:PORT:ADDRESS",
  "--inet4-only": "over IPv4: -4",
  "--inet6-only": "over IPv6: -6",
  "--tcp-nodelay": "it is on already",
  "--keepalive-time --keepalive-intvl --keepalive-cnt --no-keepalive --tcp-fastopen":
    "it is not there: a connection is kept as the system keeps it",
  "--interface --local-port --bind-address":
    "it is not there: the system chooses the address to come from",
  "-0 --http1.0 --http1.1": "the version: --http=1.1",
  "--http2 --http2-prior-knowledge": "the version: --http=2",
  "--http3 --http3-only": "HTTP/3 is not there: --http=2",
};

/** The same for `get`, of what is post's. */
export const FORM_HINTS: Hints = {
  "-f --form":
    "a form: hark post -f URL title=foo; curl's -f: a status of 400 or more exits 4 or 5 already",
  "--multipart": "a form: hark post --multipart URL title=foo",
};
