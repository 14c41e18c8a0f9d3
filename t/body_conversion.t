# Copyright (C) the ngx_gateway authors
#
# body_conversion: XML to JSON and back, requests and responses, what is
# refused, and bodies as upstreams send them.

use lib 't/lib';
use strict;
use warnings;
use utf8;
use Encode qw(encode);
use Test::Gateway 'no_plan';
use Test::More;
use IO::Compress::Gzip qw(gzip);
use IO::Socket::INET;
use POSIX ();

if (!-e build_dir() . '/modules/ngx_http_gateway_body_conversion_module.so'
    && -e build_dir() . '/modules/ngx_http_gateway_module.so')
{
    plan(skip_all => 'built without libxml2');
}

my $decl = qq{<?xml version="1.0" encoding="UTF-8"?>\n};

sub packed {
    my ($in) = @_;
    my $out;

    gzip(\$in, \$out) or die 'does not compress';
    return $out;
}

sub answer {
    my ($type, $body, @headers) = @_;

    return join "\r\n", 'HTTP/1.1 200 OK', "Content-Type: $type", @headers,
                'Content-Length: ' . length $body, 'Connection: close', '',
                $body;
}

my $xml = '<order id="7"><item>a</item><item>b</item></order>';
my $json = '{"order":{"@id":"7","item":["a","b"]}}';

my %answers = (
    '/xml' => answer('application/xml', $xml, 'ETag: "e"',
                     'Accept-Ranges: bytes', 'Content-MD5: x'),
    '/text-xml' => answer('text/xml; charset=utf-8', $xml),
    '/atom' => answer('application/atom+XML', $xml),
    '/gzip' => answer('application/xml', packed($xml),
                      'Content-Encoding: gzip'),
    '/br' => answer('application/xml', $xml, 'Content-Encoding: br'),
    '/corrupt' => answer('application/xml', 'x' . packed($xml),
                         'Content-Encoding: gzip'),
    '/latin' => answer('application/xml; charset=ISO-8859-1',
                       "<a>\xe9</a>"),
    '/json' => answer('application/json; charset=utf-8', $json),
    '/hal' => answer('application/hal+json', $json),
    '/html' => answer('text/html', '<p>x'),
    '/bad' => answer('application/xml', '<order><item></order>'),
    '/doctype' => answer('application/xml', '<!DOCTYPE a SYSTEM "a.dtd">'
                         . '<a/>'),
    '/bad-json' => answer('application/json', '{"a":'),
    '/empty' => answer('application/xml', ''),
    '/large' => "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n"
                . "Connection: close\r\n\r\n<a>" . 'x' x 1000 . '</a>',
    '/announced' => answer('application/xml', '<a>' . 'x' x 1000 . '</a>'),
    '/bomb' => answer('application/xml', packed('<a>' . 'x' x 1000 . '</a>'),
                      'Content-Encoding: gzip'),
    '/grows' => answer('application/json', '{"' . 'n' x 200 . '":[1,1,1,1]}'),
    '/cut' => "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n"
              . "Content-Length: 500\r\nConnection: close\r\n\r\n$xml",
    '/part' => "HTTP/1.1 206 Partial Content\r\n"
               . "Content-Type: application/xml\r\n"
               . "Content-Range: bytes 0-3/100\r\nContent-Length: 4\r\n"
               . "Connection: close\r\n\r\n<a/>",
    '/304' => "HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\n"
              . "Content-Type: application/xml\r\nConnection: close\r\n\r\n",
    '/204' => "HTTP/1.1 204 No Content\r\nContent-Type: application/xml\r\n"
              . "Connection: close\r\n\r\n",
    '/500' => "HTTP/1.1 500 Oops\r\nContent-Type: application/xml\r\n"
              . "Content-Length: 12\r\nConnection: close\r\n\r\n<e>no</e>   ",
);

my $listen = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1')
    or die "cannot listen: $!";
my $port = $listen->sockport;

my $pid = fork // die "cannot fork: $!";

if ($pid == 0) {
    $SIG{PIPE} = 'IGNORE';

    while (my $c = $listen->accept) {
        my $head = '';

        while ($head !~ /\r\n\r\n/) {
            sysread($c, $head, 4096, length $head) or last;
        }

        my ($path) = $head =~ m{^\S+ (\S+)};
        my $answer = $answers{$path // ''} // answer('text/plain', $head);

        $answer =~ s/\r\n\r\n.*/\r\n\r\n/s if $head =~ /^HEAD/;

        while (length $answer) {
            my $n = syswrite $c, $answer or last;
            substr $answer, 0, $n, '';
        }

        close $c;
    }

    POSIX::_exit(0);
}

END {
    my $status = $?;
    kill 'KILL', $pid if $pid;
    waitpid $pid, 0 if $pid;
    $? = $status;
}

start_echo();

my $http2 = $ENV{TEST_NGINX_PORT_2};

my $nginx = start_nginx(log_level => 'info', http_config => <<"_EOC_",
    proxy_http_version 1.1;
    server {
        listen 127.0.0.1:$http2 http2;
        gateway_body_conversion request=json_to_xml response=xml_to_json;
        location / { proxy_pass http://127.0.0.1:$port; }
        location = /echo {
            proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};
        }
    }
_EOC_
    config => <<"_EOC_");
    client_body_buffer_size 1k;
    location = /to-json {
        gateway_body_conversion request=xml_to_json;
        proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};
    }
    location = /to-xml {
        gateway_body_conversion request=json_to_xml root=doc;
        proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};
    }
    location = /small-xml {
        gateway_body_conversion request=xml_to_json max_body_size=200;
        proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};
    }
    location = /small-json {
        gateway_body_conversion request=json_to_xml max_body_size=200;
        proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};
    }
    location = /chain {
        gateway_body_conversion request=xml_to_json;
        gateway_request_transformer remove.body=a add.body=n:1;
        proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};
    }
    location /json/ {
        gateway_body_conversion response=xml_to_json;
        proxy_pass http://127.0.0.1:$port/;
    }
    location /xml/ {
        gateway_body_conversion response=json_to_xml;
        proxy_pass http://127.0.0.1:$port/;
    }
    location /small/ {
        gateway_body_conversion response=xml_to_json max_body_size=500;
        proxy_pass http://127.0.0.1:$port/;
    }
    location /smallx/ {
        gateway_body_conversion response=json_to_xml max_body_size=500;
        proxy_pass http://127.0.0.1:$port/;
    }
    location /chained/ {
        gateway_body_conversion response=xml_to_json;
        gateway_response_transformer add.json=n:1 remove.json=order;
        proxy_pass http://127.0.0.1:$port/;
    }
_EOC_

sub post {
    my ($path, $type, $body, @headers) = @_;

    return http_request('POST', $path, body => $body,
                        headers => ["Content-Type: $type", @headers]);
}

sub sent {
    my ($res) = @_;

    return ($res->body =~ /\n\n(.*)/s)[0];
}

# what becomes of XML

for my $case (
    ['<a/>', '{"a":""}'],
    ['<a></a>', '{"a":""}'],
    ['<a>x</a>', '{"a":"x"}'],
    ['<a> x </a>', '{"a":" x "}'],
    ['<a>1</a>', '{"a":"1"}'],
    ["<a>\n  <b>1</b>\n  <b>2</b>\n</a>\n", '{"a":{"b":["1","2"]}}'],
    ['<a><b>1</b><c/><b>2</b></a>', '{"a":{"b":["1","2"],"c":""}}'],
    ['<a x="1" y=""/>', '{"a":{"@x":"1","@y":""}}'],
    ['<a x="1">t</a>', '{"a":{"@x":"1","#text":"t"}}'],
    ['<a>t<b/>u</a>', '{"a":{"b":"","#text":"tu"}}'],
    ['<a x="1"> </a>', '{"a":{"@x":"1","#text":" "}}'],
    ['<a x="&amp;&lt;&quot;&#65;">&amp;&lt;&gt;&#x42;</a>',
     '{"a":{"@x":"&<\"A","#text":"&<>B"}}'],
    ["<a x='1\n2'>\\ \" \t\r\n</a>",
     '{"a":{"@x":"1 2","#text":"\\\\ \" \t\n"}}'],
    ['<a>&#13;</a>', '{"a":"\r"}'],
    ['<a><![CDATA[<b>]]>&amp;</a>', '{"a":"<b>&"}'],
    ['<?xml version="1.0"?><!-- c --><a><!-- c --><?pi x?>t</a><!-- c -->',
     '{"a":"t"}'],
    ['<s:E xmlns:s="urn:s" xmlns="urn:d"><s:B t:x="1" xmlns:t="urn:t"/></s:E>',
     '{"s:E":{"@xmlns:s":"urn:s","@xmlns":"urn:d",'
     . '"s:B":{"@xmlns:t":"urn:t","@t:x":"1"}}}'],
    ['<a><s:b xmlns:s="u">1</s:b><b>2</b><s:b xmlns:s="u">3</s:b></a>',
     '{"a":{"s:b":[{"@xmlns:s":"u","#text":"1"},{"@xmlns:s":"u","#text":"3"}],'
     . '"b":"2"}}'],
    [encode('UTF-8', '<ä>é€😀</ä>'), encode('UTF-8', '{"ä":"é€😀"}')],
    ["\xef\xbb\xbf<a>x</a>", '{"a":"x"}'],
    ["<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>",
     "{\"a\":\"\xc3\xa9\"}"],
    [encode('UTF-16', '<?xml version="1.0" encoding="UTF-16"?><a>é😀</a>'),
     encode('UTF-8', '{"a":"é😀"}')],
    ["\xff\xfe" . encode('UTF-16LE', '<a>é</a>'), "{\"a\":\"\xc3\xa9\"}"],
    ['<a>' . '<b>1</b>' x 2000 . '</a>',
     '{"a":{"b":[' . join(',', ('"1"') x 2000) . ']}}'],
    ['<n>' x 64 . '</n>' x 64, '{"n":' x 64 . '""' . '}' x 64],
) {
    my ($in, $out) = @$case;
    my $res = post('/to-json', 'application/xml', $in);
    my $what = length $in > 60 ? substr($in, 0, 60) . '...' : $in;

    is($res->status, 200, "XML is converted: $what");
    is(sent($res), $out, "to: $what");
    like($res->body, qr/^content-type: application\/json$/im, 'its type');
    is(($res->body =~ /^content-length: (\d+)$/im)[0], length $out,
       'its length');
}

is(sent(post('/to-json', 'text/xml; charset="iso-8859-1"', "<a>\xe9</a>")),
   "{\"a\":\"\xc3\xa9\"}", 'the charset of Content-Type counts');

# what does not

for my $case (
    ['', undef],
    ['<a>', 'no well-formed XML'],
    ['<a></b>', 'no well-formed XML'],
    ['<a/><b/>', 'no well-formed XML'],
    ['<a x="1" x="2"/>', 'no well-formed XML'],
    ['<a>&nbsp;</a>', 'no well-formed XML'],
    ['<a>&#0;</a>', 'no well-formed XML'],
    ['{"a":1}', 'no well-formed XML'],
    ['   ', 'no well-formed XML'],
    ['<!DOCTYPE a><a/>', 'with a document type declaration'],
    ['<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
     'with a document type declaration'],
    ['<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><a>&b;</a>',
     'with a document type declaration'],
    ['<!DOCTYPE a SYSTEM "http://127.0.0.1:' . $port . '/dtd"><a/>',
     'with a document type declaration'],
    ["<a>\xff</a>", 'not in its encoding'],
    ["<a>\x01</a>", 'not in its encoding'],
    ["<a>\0</a>", 'not in its encoding'],
    ["<a>\xed\xa0\x80</a>", 'not in its encoding'],
    ["\xff\xfe<", 'not in its encoding'],
    ["\xfe\xff\xd8\x00\x00<", 'not in its encoding'],
    ['<?xml version="1.0" encoding="EBCDIC-US"?><a/>',
     'in an encoding that is not understood'],
    ['<n>' x 65 . '</n>' x 65, 'nested too deeply'],
    ['<a>' . '<b/>' x 262144 . '</a>', 'of too many elements and attributes'],
) {
    my ($in, $why) = @$case;
    my $res = post('/to-json', 'application/xml', $in, 'Accept: */*');
    my $what = substr($in, 0, 60);

    if (!defined $why) {
        is($res->status, 200, 'no body passes');
        like($res->body, qr/^content-type: application\/xml$/im, 'as it is');
        next;
    }

    is($res->status, 400, "refused: $what");
    like($res->body, qr/"message":"the body is \Q$why\E"/, "why: $what");
}

# what becomes of JSON

for my $case (
    ['{"a":"x"}', '<a>x</a>'],
    ['{"a":""}', '<a/>'],
    ['{"a":null}', '<a/>'],
    ['{"a":{}}', '<a/>'],
    ['{"a":{"b":[]}}', '<a/>'],
    ['{"a":{"b":[1,-2.50,1e3,true,false,null]}}',
     '<a><b>1</b><b>-2.50</b><b>1e3</b><b>true</b><b>false</b><b/></a>'],
    ['{"a":{"@x":1,"@y":"\"<&>\n\t","#text":"\"<&>\n\r]]>"}}',
     '<a x="1" y="&quot;&lt;&amp;&gt;&#10;&#9;">'
     . "\"&lt;&amp;&gt;\n&#13;]]&gt;</a>"],
    ['{"a":{"b":1,"@x":null,"c":{"d":{}}}}',
     '<a x=""><b>1</b><c><d/></c></a>'],
    ['{"a":1,"b":2}', '<doc><a>1</a><b>2</b></doc>'],
    ['{"a":[1,2]}', '<doc><a>1</a><a>2</a></doc>'],
    ['{"@a":1}', '<doc a="1"/>'],
    ['{"#text":1}', '<doc>1</doc>'],
    ['{}', '<doc/>'],
    ['[]', '<doc/>'],
    ['[1,[2,3],{"x":4}]', '<doc><item>1</item>'
     . '<item><item>2</item><item>3</item></item>'
     . '<item><x>4</x></item></doc>'],
    ['{"a":{"b":[[1,2],[3]]}}',
     '<a><b><item>1</item><item>2</item></b><b><item>3</item></b></a>'],
    ['"x"', '<doc>x</doc>'],
    [' 12 ', '<doc>12</doc>'],
    ['null', '<doc/>'],
    ['{"\u0061":"\u00e9\ud83d\ude00"}', encode('UTF-8', '<a>é😀</a>')],
    [encode('UTF-8', '{"ä":"é"}'), encode('UTF-8', '<ä>é</ä>')],
    ['{"s:E":{"@xmlns:s":"urn:s","s:B":1}}',
     '<s:E xmlns:s="urn:s"><s:B>1</s:B></s:E>'],
    ['{"a":{"b":1,"b":2}}', '<a><b>1</b><b>2</b></a>'],
    ['{"n":' x 64 . '1' . '}' x 64, '<n>' x 64 . '1' . '</n>' x 64],
) {
    my ($in, $out) = @$case;
    my $res = post('/to-xml', 'application/json', $in);
    my $what = length $in > 60 ? substr($in, 0, 60) . '...' : $in;

    $out = $decl . $out;
    is($res->status, 200, "JSON is converted: $what");
    is(sent($res), $out, "to: $what");
    like($res->body, qr/^content-type: application\/xml$/im, 'its type');
    is(($res->body =~ /^content-length: (\d+)$/im)[0], length $out,
       'its length');
}

for my $case (
    ['{"a":', 'no JSON'],
    ['<a/>', 'no JSON'],
    ['{"a":"\u0000"}', 'with a character that XML does not have'],
    ['{"a":"\u0001"}', 'with a character that XML does not have'],
    ['{"a":"\ud800"}', 'with a character that XML does not have'],
    ['{"a":"\uffff"}', 'with a character that XML does not have'],
    ["{\"a\":\"\xff\"}", 'with a character that XML does not have'],
    ['{"a":{"":1}}', 'with a name that XML does not have'],
    ['{"a b":1}', 'with a name that XML does not have'],
    ['{"1":1}', 'with a name that XML does not have'],
    ['{"a><b":1}', 'with a name that XML does not have'],
    ['{"a\u0000b":1}', 'with a name that XML does not have'],
    ['{"a:b:c":1}', 'with a name that XML does not have'],
    ['{"a":{"@":1}}', 'with a name that XML does not have'],
    ['{"a":{"@x y":1}}', 'with a name that XML does not have'],
    ['{"a":{"#cdata":1}}', 'with a name that XML does not have'],
    ['{"' . 'n' x 1025 . '":1}', 'with a name that XML does not have'],
    ['{"a":{"@x":[1]}}', 'with an attribute or text of several parts'],
    ['{"a":{"#text":{"b":1}}}', 'with an attribute or text of several parts'],
    ['{"a":{"@x":1,"\u0040x":2}}', 'with one attribute several times'],
    ['{"a":{' . join(',', map { "\"\@x$_\":1" } 1 .. 129) . '}}',
     'of too many attributes'],
    ['{"n":' x 65 . '1' . '}' x 65, 'nested too deeply'],
    ['{"n":' x 900 . '1' . '}' x 900, 'nested too deeply'],
    ['[' x 200 . ']' x 200, 'nested too deeply'],
    ['[' . '1,' x 262144 . '1]', 'of too many members'],
) {
    my ($in, $why) = @$case;
    my $res = post('/to-xml', 'application/json', $in);
    my $what = substr($in, 0, 60);

    is($res->status, 400, "refused: $what");
    like($res->body, qr/"message":"the body is \Q$why\E"/, "why: $what");
}

# there and back again

for my $in (
    '<a x="1"><b>1</b><b>2</b><c y="&quot;">t</c></a>',
    '<a><b><c/></b></a>',
    encode('UTF-8', '<ä>é &amp; €</ä>'),
    "<a>\n&#13;\t&lt;</a>",
) {
    my $there = sent(post('/to-json', 'application/xml', $in));
    is(sent(post('/to-xml', 'application/json', $there)), $decl . $in,
       "XML comes back: $in");
}

# which requests

for my $type ('text/xml', 'application/soap+xml; charset=utf-8',
              'Application/XML')
{
    is(sent(post('/to-json', $type, '<a/>')), '{"a":""}', "$type is XML");
}

for my $type ('application/json', 'text/plain', 'application/xml-dtd',
              'image/xml', '+xml', '/xml', 'xml')
{
    is(sent(post('/to-json', $type, '<a/>')), '<a/>', "$type is none");
}

for my $type ('application/problem+json', 'text/json',
              'application/json;charset=utf-8')
{
    is(sent(post('/to-xml', $type, '{"a":1}')), "$decl<a>1</a>",
       "$type is JSON");
}

my $res = http_request('POST', '/to-json', body => '<a/>');
is(sent($res), '<a/>', 'a body of no type passes');

$res = post('/to-json', 'application/xml', packed('<a/>'),
            'Content-Encoding: gzip', 'Content-MD5: x');
is(sent($res), '{"a":""}', 'a compressed body is converted');
unlike($res->body, qr/^content-(encoding|md5)/im, 'and plain then');

is(post('/to-json', 'application/xml', 'x', 'Content-Encoding: gzip')->status,
   400, 'a malformed compressed body is refused');
is(post('/to-json', 'application/xml', '<a/>', 'Content-Encoding: br')
   ->status, 415, 'as is an unknown coding');

is(post('/small-xml', 'application/xml', '<a>' . 'x' x 200 . '</a>')->status,
   413, 'a larger body is refused');
is(post('/small-xml', 'application/xml', packed('<a>' . 'x' x 200 . '</a>'),
        'Content-Encoding: gzip')->status,
   413, 'as is one that is larger when it is decompressed');
is(post('/small-xml', 'application/xml', '<a>' . '"' x 150 . '</a>')->status,
   413, 'or when it is converted');
is(post('/small-json', 'application/json',
        '{"' . 'n' x 50 . '":[1,1,1,1]}')->status,
   413, 'the other way round too');
is(post('/small-xml', 'text/plain', 'x' x 300)->status, 200,
   'others may be larger');

is(sent(post('/chain', 'application/xml', '<a>x</a>')), '{"n":"1"}',
   'request_transformer works on what is converted');

# responses

for my $path (qw(/xml /text-xml /atom /gzip)) {
    $res = http_get("/json$path");

    is($res->status, 200, "$path is answered");
    is($res->body, $json, "$path is converted");
    is($res->header('Content-Type'), 'application/json', "$path has its type");
    is($res->header('Content-Encoding'), undef, "$path is plain");
    is($res->header('Content-Length'), undef, "$path is without length");
}

$res = http_get('/json/xml');
is($res->header('ETag'), 'W/"e"', 'the entity tag is a weak one');
is($res->header('Accept-Ranges'), undef, 'no ranges');
is($res->header('Content-MD5'), undef, 'no digest');

is(http_get('/json/latin')->body, "{\"a\":\"\xc3\xa9\"}",
   'the charset of the upstream counts');
is(http_get('/json/500')->body, '{"e":"no"}', 'every status');
is(http_get('/json/500')->status, 500, 'which stays');

for my $path (qw(/json /hal)) {
    $res = http_get("/xml$path");

    is($res->body, $decl . $xml, "$path is converted");
    is($res->header('Content-Type'), 'application/xml', "$path has its type");
}

is(http_get('/chained/xml')->body, '{"n":"1"}',
   'response_transformer works on what is converted');
is(http_get('/chained/gzip')->body, '{"n":"1"}', 'compressed or not');

for my $path (qw(/json/html /json/json /json/br /xml/xml)) {
    my ($body) = $answers{$path =~ s{^/\w+}{}r} =~ /\r\n\r\n(.*)/s;

    $res = http_get($path);
    is($res->body, $body, "$path stays as it is");
    is($res->header('Content-Length'), length $body, "$path keeps its length");
}

unlike(http_get('/json/none', headers => ['Accept-Encoding: br'])->body,
       qr/accept-encoding/i, 'upstreams are asked for no coding');

$res = http_get('/json/part');
is($res->status, 206, 'a part stays one');
is($res->body, '<a/>', 'as it is');

for my $path (qw(/304 /204)) {
    $res = http_get("/json$path");
    is($res->status, substr($path, 1), "$path passes");
    is($res->header('Content-Type') // 'application/xml', 'application/xml',
       'with its type');
}

$res = http_request('HEAD', '/json/xml');
is($res->status, 200, 'HEAD passes');
is($res->header('Content-Type'), 'application/xml', 'as it is');

$res = http_get('/json/empty');
is($res->status, 200, 'an empty body passes');
is($res->body, '', 'and stays empty');

for my $path (qw(/json/bad /json/doctype /json/corrupt /json/cut
                 /xml/bad-json /small/large /small/announced /small/bomb
                 /smallx/grows))
{
    $res = http_get($path);
    is($res && $res->status, 502, "$path gets 502");
    unlike($res ? $res->body : '', qr/order|xxx|DOCTYPE/,
           "$path does not get through");
}

for my $what ('the body of a response is no well-formed XML',
              'the body of a response is with a document type declaration',
              'a compressed body is malformed', 'the body is not complete',
              'the body of a response is no JSON',
              'the body is larger than "max_body_size"',
              'larger than "max_body_size" when it is decompressed',
              'larger than "max_body_size" when it is converted',
              'encoded with "br" stays as it is')
{
    ok($nginx->wait_log(qr/body conversion: .*\Q$what\E/, 5), "told: $what");
}

unlike($nginx->error_log, qr/passwd|dtd HTTP/, 'bodies are not told');

# HTTP/2

SKIP: {
    my $curl = `curl --version 2>/dev/null` // '';
    skip 'curl with HTTP/2 is missing', 4 if $curl !~ /HTTP2/;

    my $url = "http://127.0.0.1:$http2";
    my @curl = ('curl', '-s', '--http2-prior-knowledge', '-w',
                "'%{http_code}'");

    is(`@curl $url/xml`, "${json}200", 'a response over HTTP/2');
    like(`@curl $url/bad`, qr/502$/, 'a bad one');
    like(`@curl -H 'Content-Type: application/json' -d '{"a":1}' $url/echo`,
         qr{\n\n\Q$decl\E<a>1</a>200$}, 'a request over HTTP/2');
    like(`@curl -H 'Content-Type: application/json' -d '{' $url/echo`,
         qr/400$/, 'a bad one');
}

is($nginx->stop, '', 'no sanitizer has a word');

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('config', "location / {\n"
        . 'gateway_body_conversion ' . ($block->args =~ s/\n//r) . ";\n"
        . "return 200;\n}\n");
});

run_tests();

__DATA__

=== TEST 1: nothing to convert
--- args: max_body_size=1
--- must_die
--- error_log
converts neither "request" nor "response"



=== TEST 2: no such conversion
--- args: request=yaml_to_json
--- must_die
--- error_log
invalid parameter "request=yaml_to_json" in "gateway_body_conversion"



=== TEST 3: no name for a root
--- args: request=json_to_xml root=1a
--- must_die
--- error_log
first a letter or "_" in



=== TEST 4: no size
--- args: request=json_to_xml max_body_size=0
--- must_die
--- error_log
invalid parameter "max_body_size=0" in "gateway_body_conversion"
