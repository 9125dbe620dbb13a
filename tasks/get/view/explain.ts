/**
 * The sentences of --explain, English and Korean. None of them guesses.
 *
 * @module
 */

import { type Output, print } from "../../../lib/cli/io.ts";
import { formatWords } from "../../../lib/net/tls/facts.ts";

/**
 * A name, the sentence in English and in Korean, and which words of ours or values of a header it stands for: the first
 * that fits counts. No Korean particle follows what is put in, as it would depend on it.
 */
const TEXTS = String.raw`
address | The name {host} has the address {list}. | 이름 {host}의 주소: {list}.
addresses | The name {host} has the addresses {list}; they are tried in this order. | 이름 {host}의 주소: {list}. 이 순서로 시도합니다.
next | {to} is tried next. | 다음으로 {to}에 연결해 봅니다.
no-upgrade | The server answers without 101: there is no WebSocket. | 서버가 101로 답하지 않아 WebSocket이 열리지 않았습니다. | the server says \d
refused | {to} refuses the connection (TCP reset): no program listens there, or a firewall refuses in its place. | {to}에서 연결을 거부했습니다(TCP RST). 그곳에서 기다리는 프로그램이 없거나 방화벽이 대신 거부한 것입니다. | connection refused
unreachable | No way leads to {to}: this machine or a router says so. | {to}까지 가는 경로가 없습니다. 이 컴퓨터나 라우터가 그렇게 알렸습니다. | network is unreachable|no route to host|not have that addr
unknown-host | No address was found for the name {host}. | 이름 {host}의 주소를 찾지 못했습니다.
connected | TCP is connected to {to}: the three-way handshake is done. | {to}에 TCP로 연결되었습니다. 3방향 핸드셰이크가 끝났습니다.
unix | The Unix socket {to} is connected: both ends are on this machine. | 유닉스 소켓 {to}에 연결되었습니다. 양쪽 끝이 모두 이 컴퓨터에 있습니다.
proxy | The proxy {proxy} makes the connection to {to} and passes the bytes on. | 프록시 {proxy}에서 {to}까지 대신 연결하고 바이트를 전달합니다.
proxy-reads | The proxy {proxy} is to read the request, ask {to} and pass the answer on. | 프록시 {proxy}에서 요청을 읽고 {to}에 대신 물어 응답을 전달하게 됩니다.
proxy-answers | The proxy may have made this answer itself. | 프록시가 직접 만든 응답일 수도 있습니다.
proxy-fails | The proxy {proxy} gives no connection to {to}. | {to}에 프록시({proxy})로는 연결되지 않았습니다.
fetch | Over HTTP/2, Deno's fetch makes the connection and does not show how. | HTTP/2에서는 Deno의 fetch가 연결을 맡으며 그 과정을 보여 주지 않습니다.
plain | Without TLS, whoever is on the way can read and change what is sent. | TLS가 아니므로 중간에서 내용을 읽고 바꿀 수 있습니다.
tls | TLS has agreed on: {facts}. | TLS에서 합의한 것: {facts}.
certificate | The server shows a certificate for {names}, issued by {issuer}, valid until {until}. | 서버가 보여 준 인증서: 이름 {names}, 발급자 {issuer}, 유효 기간 {until}까지.
trusted | The certificate is trusted: an authority that is trusted here stands behind it, and name and date fit. | 인증서를 신뢰합니다. 여기서 신뢰하는 인증 기관이 보증하고 이름과 날짜가 맞습니다.
trusted-pin | The certificate is trusted: it is the one of --pin. | 인증서를 신뢰합니다. --pin으로 지정한 바로 그 인증서입니다.
unchecked | With --insecure the certificate is not checked: anyone can pose as {host}. | --insecure이므로 인증서를 확인하지 않았습니다. 누구든 {host}인 척할 수 있습니다.
expired | The certificate is refused: it has expired. | 인증서를 거부합니다. 유효 기간이 지났습니다. | certificate expired
early | The certificate is refused: it is not valid yet. | 인증서를 거부합니다. 유효 기간이 아직 시작되지 않았습니다. | is not valid yet
wrong-name | The certificate is refused: {host} is not among its names. | 인증서를 거부합니다. 인증서의 이름 중에 없는 것: {host}. | certificate is not for
self-signed | The certificate is refused: it names itself as its issuer, and nothing here trusts it. | 인증서를 거부합니다. 발급자가 인증서 자신이며, 여기서 신뢰하는 것이 아닙니다.
unknown-issuer | The certificate is refused: its issuer is not one that is trusted here. | 인증서를 거부합니다. 여기서 신뢰하는 발급자의 것이 아닙니다. | unknown issuer
other-pin | The certificate is refused: it is not the one of --pin. | 인증서를 거부합니다. --pin으로 지정한 인증서가 아닙니다. | not the pinned one
certificate-refused | TLS has failed over a certificate. | 인증서 때문에 TLS 연결에 실패했습니다.
no-tls | What listens at {to} does not speak TLS. | {to}에서 기다리는 프로그램은 TLS를 쓰지 않습니다. | does not speak TLS
tls-failed | The TLS handshake with {to} has failed. | {to}에서 TLS 핸드셰이크에 실패했습니다. | version in common|peer ended TLS|TLS does not fit
unsent | Nothing of the request was sent. | 요청은 전혀 보내지 않았습니다.
safe | {method} {target} is for {host}; {method} asks for no change there, so it may be repeated. | {host}에 보낼 요청은 {method} {target}입니다. {method} 메서드는 서버의 내용을 바꾸려는 것이 아니므로 되풀이해도 됩니다.
idempotent | {method} {target} is for {host}; done twice, {method} has the effect of once. | {host}에 보낼 요청은 {method} {target}입니다. {method} 메서드는 두 번 해도 한 번 한 것과 결과가 같습니다.
sent | {method} {target} is for {host}; each {method} may have an effect of its own. | {host}에 보낼 요청은 {method} {target}입니다. {method} 메서드는 보낼 때마다 새로 효과가 있을 수 있습니다.
again | {method} is sent again in {seconds} s, as what went wrong may pass. | 일시적인 문제일 수 있으므로 {seconds}초 뒤에 {method} 요청을 다시 보냅니다.
>authorization | Authorization ({value}) says who asks; its value is not shown. | Authorization({value}): 누가 요청하는지 알립니다. 값은 보여 주지 않습니다. | ^(Basic|Bearer|Digest) 
>authorization.other | Authorization says who asks; its value is not shown. | Authorization: 누가 요청하는지 알립니다. 값은 보여 주지 않습니다.
>cookie | Cookie carries cookies; their values are not shown. | Cookie: 쿠키를 보냅니다. 값은 보여 주지 않습니다.
>accept | Accept says which types are wanted: {value}. | Accept: 받고 싶은 형식은 {value}입니다.
>content-type | Content-Type tells the server which type the body has: {value}. | Content-Type: 보내는 본문의 형식은 {value}입니다.
>content-length | Content-Length tells the server how long the body is: {value} bytes. | Content-Length: 보내는 본문의 길이는 {value}바이트입니다.
>transfer-encoding | The body goes out in chunks, as its length is not known before its end. | 본문의 길이를 미리 알 수 없어 청크로 나누어 보냅니다.
>range | Range asks for a part of the body: {value}. | Range: 본문의 일부만 요청합니다({value}).
>if-range | If-Range asks for a part only if nothing has changed since {value}, else for the whole body. | If-Range: {value} 때와 같으면 일부만, 달라졌으면 전체를 요청합니다.
>if-none-match | If-None-Match: {method} is to be done only if the version there is none of {value} (* is any). | If-None-Match: 서버의 버전이 다음 가운데 없을 때만 {method} 요청을 처리해 달라고 합니다(*는 아무 버전): {value}.
>if-match | If-Match: {method} is to be done only if the version there is one of {value} (* is any). | If-Match: 서버의 버전이 다음 가운데 있을 때만 {method} 요청을 처리해 달라고 합니다(*는 아무 버전): {value}.
>if-modified-since | If-Modified-Since: {method} is to be done only if there has been a change since {value}. | If-Modified-Since: {value} 뒤에 달라졌을 때만 {method} 요청을 처리해 달라고 합니다.
>if-unmodified-since | If-Unmodified-Since: {method} is to be done only if there has been no change since {value}. | If-Unmodified-Since: {value} 뒤에 달라지지 않았을 때만 {method} 요청을 처리해 달라고 합니다.
1xx | {status}: the server says this first; its answer is yet to come. | {status}: 중간 응답입니다. 최종 응답은 아직 오지 않았습니다.
101 | 101: the server switches from HTTP to {protocol}. | 101: 서버가 HTTP 대신 쓰기로 한 프로토콜은 {protocol}입니다.
200 | {status}: the server did what {method} asks. | {status}: 서버가 {method} 요청대로 처리했습니다.
200-range | {status}: the whole body comes, not the part that Range asks for. | {status}: Range로 요청한 일부가 아니라 본문 전체가 옵니다.
201 | {status}: {method} has made something new there. | {status}: {method} 요청으로 서버에 새것이 만들어졌습니다.
202 | {status}: the server has taken {method}, and has yet to act on it. | {status}: 서버가 {method} 요청을 받았고, 처리는 나중에 합니다.
204 | {status}: {method} is done, and there is nothing to show. | {status}: {method} 요청을 처리했고 보여 줄 내용은 없습니다.
206 | {status}: what comes is a range of the body. | {status}: 본문의 한 범위가 옵니다.
2xx | {status}: {method} has succeeded. | {status}: {method} 요청이 성공했습니다.
304 | {status}: the server says that nothing has changed, so no body comes. | {status}: 서버에서 바뀐 것이 없다고 하므로 본문이 오지 않습니다.
redirect | {status}: what {method} asks for is elsewhere. | {status}: {method} 요청의 대상은 다른 곳에 있습니다.
3xx | {status}: more is to be done to get what {method} asks for. | {status}: {method} 요청의 대상을 얻으려면 무언가 더 해야 합니다.
401 | {status}: the server wants to know who asks. | {status}: 서버가 누구의 요청인지 밝히라고 합니다.
401-login | {status}: the server does not take the Authorization that was sent. | {status}: 보낸 Authorization을 서버가 받아들이지 않았습니다.
403 | {status}: the server understands {method}, and refuses to do it. | {status}: 서버가 {method} 요청을 이해했지만 허락하지 않습니다.
404 | {status}: the server has nothing to show at {target}. | {status}: 서버의 {target}에는 보여 줄 것이 없습니다.
405 | {status}: {target} is known there, but not with {method}. | {status}: {target} 경로는 있지만 {method} 메서드는 쓸 수 없습니다.
407 | {status}: a proxy on the way wants to know who asks. | {status}: 중간의 프록시가 누구의 요청인지 밝히라고 합니다.
410 | {status}: what was at {target} is gone for good. | {status}: {target}에 있던 것이 아주 없어졌습니다.
412 | {status}: a condition of the request does not hold, so nothing was done. | {status}: 요청에 건 조건이 맞지 않아 처리하지 않았습니다.
413 | {status}: the body is larger than the server takes. | {status}: 본문이 서버가 받는 크기보다 큽니다.
415 | {status}: the server does not take a body of this type. | {status}: 서버가 이런 형식의 본문은 받지 않습니다.
416 | {status}: the body does not have the part that Range asks for. | {status}: Range로 요청한 부분이 본문에 없습니다.
421 | {status}: this server does not answer for {host} on this connection. | {status}: 이 서버는 이 연결에서 {host}의 요청에 답하지 않습니다.
422 | {status}: the server understands the type of the body, and finds what is in it wrong. | {status}: 서버가 본문의 형식은 알지만 내용이 잘못되었다고 합니다.
428 | {status}: the server wants a condition, such as If-Match, so that no change of others is lost. | {status}: 다른 사람의 변경을 잃지 않도록 If-Match 같은 조건을 달라고 합니다.
429 | {status}: there were too many requests in too short a time. | {status}: 짧은 시간에 요청이 너무 많았습니다.
4xx | {status}: {method} has failed; a status that begins with 4 blames the request. | {status}: {method} 요청이 실패했습니다. 4로 시작하는 상태는 요청 쪽의 문제라는 뜻입니다.
501 | {status}: the server does not know how to do {method}. | {status}: 서버가 {method} 메서드를 처리할 줄 모릅니다.
502 | {status}: the server asked another one, and got no usable answer. | {status}: 서버가 뒤의 다른 서버에서 쓸 수 있는 응답을 받지 못했습니다.
503 | {status}: the server cannot do it now. | {status}: 서버가 지금은 처리할 수 없습니다.
504 | {status}: the server asked another one, which did not answer in time. | {status}: 뒤의 다른 서버가 제때 답하지 않았습니다.
5xx | {status}: {method} has failed; a status that begins with 5 blames the server. | {status}: {method} 요청이 실패했습니다. 5로 시작하는 상태는 서버 쪽의 문제라는 뜻입니다.
<content-type | Content-Type says which type the body has: {value}. | Content-Type: 본문의 형식은 {value}입니다.
<content-length | Content-Length says where the body ends: after {value} bytes. | Content-Length: 본문은 {value}바이트에서 끝납니다.
<content-length/only | Content-Length says how long the body would be: {value} bytes. | Content-Length: 본문이 있다면 {value}바이트입니다.
<transfer-encoding | The body comes in chunks, each with its length before it; the last has length 0. | 본문이 청크로 나뉘어 옵니다. 청크마다 길이가 앞에 붙고 마지막 청크의 길이는 0입니다. | chunked
until-close | The body has no length: it ends where the server closes the connection. | 본문의 길이가 없습니다. 서버가 연결을 닫는 곳이 끝입니다.
<content-range | Content-Range says which part of how many bytes there is (* is none or unknown): {value}. | Content-Range: 몇 바이트 가운데 어느 부분인지 알립니다(*는 없거나 모름): {value}.
<content-encoding | Content-Encoding says how the body is encoded for the way: {value}. | Content-Encoding: 본문이 {value} 방식으로 인코딩되어 옵니다.
<location | Location says where it is: {value}. | Location: 있는 곳은 {value}입니다.
<cache-control.no-store | Cache-Control: nobody is to keep this answer. | Cache-Control: 이 응답을 저장하면 안 됩니다. | (?:^|[\s,])no-store(?:$|[\s,])
<cache-control.no-cache | Cache-Control: who keeps this answer must ask before each use. | Cache-Control: 저장해도 되지만 쓸 때마다 서버에 확인해야 합니다. | (?:^|[\s,])no-cache(?:$|[\s,])
<cache-control.max-age | Cache-Control: this answer stays fresh for {value} s. | Cache-Control: 이 응답은 {value}초 동안 새것으로 봅니다. | (?:^|[\s,])max-age="?(\d+)
<age | Age: a cache has had this answer for {value} s. | Age: 캐시에 {value}초 동안 있던 응답입니다.
<etag | ETag names this version: {value}; If-None-Match can ask whether it is still the same. | ETag: 이 버전의 이름은 {value}입니다. If-None-Match로 그대로인지 물을 수 있습니다.
<set-cookie | Set-Cookie asks for the cookie {value} with later requests; what is in it is not shown. | Set-Cookie: 다음 요청부터 함께 보내 달라는 쿠키는 {value}입니다. 값은 보여 주지 않습니다. | ^([^=;]+?)\s*=
<set-cookie/over | Set-Cookie asks to forget the cookie {value}. | Set-Cookie: 잊어 달라는 쿠키는 {value}입니다. | ^([^=;]+?)\s*=
<retry-after | Retry-After says when to ask again: in {value} s. | Retry-After: {value}초 뒤에 다시 요청하라고 합니다. | ^(\d+)$
<retry-after.date | Retry-After says when to ask again: at {value}. | Retry-After: 다시 요청할 때는 {value}입니다. | ^(\D.*)$
<strict-transport-security | Strict-Transport-Security tells browsers to come over https alone: {value}. | Strict-Transport-Security: 브라우저는 https로만 접속하라고 합니다({value}). | ^(.*max-age="?0*[1-9].*)$
<www-authenticate | WWW-Authenticate says how to log in: {value}. | WWW-Authenticate: 로그인 방식은 {value}입니다.
<allow | Allow says which methods are possible there: {value}. | Allow: 쓸 수 있는 메서드는 {value}입니다.
<link | Link says where the next page is: {value}. | Link: 다음 페이지는 {value}입니다. | <([^>]*)>(?:\s*;\s*(?!rel\b)[\w*-]+(?:="[^"]*"|=[^\s;,"]*)?)*\s*;\s*rel=(?:"(?:[^"]*\s)?)?next(?=[\s",;]|$)
followed | The redirect is followed with the same method, {method}: {url}. | 같은 메서드({method})로 리디렉션을 따라갑니다: {url}.
followed-get | The redirect is followed as GET, without the body: {url}. | 본문 없이 GET으로 바꾸어 리디렉션을 따라갑니다: {url}.
dropped | To another origin these headers do not go: {names}. | 출처(origin)가 다르므로 보내지 않는 헤더: {names}.
refused-nowhere | The redirect is not followed: it has no Location. | 리디렉션을 따라가지 않습니다. Location이 없습니다.
refused-many | The redirect is not followed: it has more than one Location. | 리디렉션을 따라가지 않습니다. Location이 여럿입니다. | more than one Location
refused-url | The redirect is not followed: its Location is no URL of http or https. | 리디렉션을 따라가지 않습니다. Location이 http나 https URL이 아닙니다. | not a URL|neither http
refused-none | The redirect is not followed: --follow=none asks for that. | 리디렉션을 따라가지 않습니다. --follow=none이기 때문입니다. | by --follow=none
refused-once | The redirect is not followed: the body can be sent only once. | 리디렉션을 따라가지 않습니다. 본문을 한 번만 보낼 수 있습니다. | sent only once
refused-body | The redirect is not followed: the body would go to another origin. | 리디렉션을 따라가지 않습니다. 본문이 다른 출처(origin)로 가게 됩니다. | the body to another
refused-origin | The redirect is not followed: it leads to another origin. | 리디렉션을 따라가지 않습니다. 다른 출처(origin)로 이어집니다. | leads to another origin
refused-plain | The redirect is not followed: it leaves https. | 리디렉션을 따라가지 않습니다. https를 벗어납니다. | leaves https
refused-private | The redirect is not followed: it leads from a public host to a private address. | 리디렉션을 따라가지 않습니다. 공개된 호스트에서 사설 주소로 이어집니다. | is a private address
too-many | The redirects are followed no further: there are more than --max-redirects allows. | 리디렉션을 더 따라가지 않습니다. --max-redirects보다 많습니다. | more than \d+ redirects
end-length | The end: as many bytes have come as Content-Length says. | 끝: Content-Length만큼 모두 받았습니다.
end-chunk | The end: the last chunk has come. | 끝: 마지막 청크를 받았습니다.
end-close | The end: the server has closed the connection. | 끝: 서버가 연결을 닫았습니다.
end-none | The end: an answer to {method} with status {status} has no body. | 끝: {method} 요청에 대한 {status} 응답에는 본문이 없습니다.
end-unread | The end: the rest of the body is not read. | 끝: 본문의 나머지는 읽지 않습니다.
end-signal | The end: a signal has stopped it before the answer was whole. | 끝: 응답을 다 받기 전에 시그널을 받아 멈췄습니다.
reset | The peer has reset the connection (TCP RST). | 상대가 연결을 강제로 끊었습니다(TCP RST). | connection reset
unanswered | The server has closed the connection before it had answered. | 서버가 응답하지 않고 연결을 닫았습니다. | closed without an answer
cut | The body is cut short: its end has not come. | 본문이 중간에서 잘렸습니다. 끝이 오지 않았습니다. | cut short
not-http | What came is not valid HTTP. | 받은 것은 올바른 HTTP가 아닙니다. | the answer is not HTTP|it does not speak HTTP
too-large | The rest is refused: the body is larger than --max-size allows. | 본문이 --max-size보다 커서 나머지를 거부합니다. | larger than \d+ bytes
late-connect | The time is over before there was a connection. | 연결되기 전에 제한 시간이 지났습니다.
late-tls | The time is over: TCP is connected, and the TLS handshake is not done. | TCP는 연결되었지만 TLS 핸드셰이크가 끝나기 전에 제한 시간이 지났습니다.
late-head | The time is over: the head of an answer has not come. | 응답의 헤더가 오기 전에 제한 시간이 지났습니다.
late-body | The time is over: the head has come, and not all of the body. | 헤더는 받았지만 본문을 다 받기 전에 제한 시간이 지났습니다.
half-close | The client says that it sends no more (half-close); it still receives. | 더 보낼 것이 없다고 서버에 알렸습니다(half-close). 받기는 계속합니다.
server-first | The server has ended first, after {bytes} bytes. | 서버가 먼저 끝냈습니다. 받은 것은 {bytes}바이트입니다.
client-first | The server has ended too, after {bytes} bytes: both ways are closed. | 서버도 끝냈습니다. 받은 것은 {bytes}바이트이며 양방향이 모두 닫혔습니다.
datagram-sent | A datagram of {bytes} bytes has left; nothing in UDP says whether it arrives. | {bytes}바이트 데이터그램을 보냈습니다. UDP는 도착했는지 알려 주지 않습니다.
datagram-came | A datagram of {bytes} bytes has come from {to}. | {to}에서 {bytes}바이트 데이터그램이 왔습니다.
close-1000 | The WebSocket is closed with 1000: all is done. | WebSocket이 1000으로 닫혔습니다. 할 일을 마쳤다는 뜻입니다.
close-1001 | The WebSocket is closed with 1001: one end is going away. | WebSocket이 1001로 닫혔습니다. 한쪽이 떠난다는 뜻입니다.
close-1005 | The WebSocket is closed without a code. | WebSocket이 코드 없이 닫혔습니다.
close | The WebSocket is closed with {code}, which is no normal end. | WebSocket이 {code} 코드로 닫혔습니다. 정상적인 끝이 아닙니다.
`;

export type Language = "en" | "ko";

/** Each sentence by its name. */
export const SENTENCES: ReadonlyMap<
  string,
  Readonly<Record<Language | "when", string>>
> = new Map(
  TEXTS.trim().split("\n").map((line) => {
    const [name = "", en = "", ko = "", when = ""] = line.split(" | ");
    return [name, { en, ko, when }];
  }),
);

/**
 * The first sentence that stands for a text, and what it takes from that: for a header one of its name, which the kind
 * is with a mark before it; without a kind one for words of ours.
 */
export function findSentence(
  text: string,
  kind?: string,
): readonly [name: string, value: string] {
  for (const [name, { when }] of SENTENCES) {
    const isOne = kind ? name.split(".")[0] === kind : when && /^\w/.test(name);
    const [whole, value = whole] = isOne && text.match(RegExp(when, "is")) ||
      [];
    if (whole !== undefined) return [name, when ? value ?? "" : text];
  }
  return ["", ""];
}

/** Says a sentence with its values, others' words in one safe line; false where there is none of that name. */
export type Say = (
  name: string,
  values?: Readonly<Record<string, unknown>>,
) => boolean;

export function createSay(language: Language, output: Output): Say {
  return (name, values = {}) => {
    const text = SENTENCES.get(name)?.[language];
    if (text === undefined) return false;
    const line = text.replace(
      /\{(\w+)\}( byte)?(s?)/g,
      (_, key, unit, end) => {
        const value = formatWords(String(values[key]));
        return value + (unit ?? "") + (unit && value === "1" ? "" : end);
      },
    );
    void print(output, `${line}\n`);
    return true;
  };
}
