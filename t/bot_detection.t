# Copyright (C) the ngx_gateway authors
#
# bot_detection: known programs, allow, deny.

use lib 't/lib';
use Test::Gateway 'no_plan';

our $proxy = <<'_EOC_';
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
_EOC_

add_block_preprocessor(sub {
    my ($block) = @_;

    if (defined $block->args) {
        my $args = $block->args;
        chomp $args;
        my $more = defined $block->location ? $block->location : '';
        $block->set_value('config', "location / {\n"
                          . "gateway_bot_detection $args;\n$more\n$proxy}\n");
    }

    # one request by each
    for my $kind ('pass', 'refuse') {
        next unless defined $block->$kind;
        my @agents = split /\n/, $block->$kind;
        my $code = $kind eq 'pass' ? 200 : 403;
        $block->set_value('request', [ map { 'GET /' } @agents ]);
        $block->set_value('more_headers',
                          [ map { "User-Agent: $_" } @agents ]);
        $block->set_value('error_code', [ map { $code } @agents ]);
    }
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: browsers, tools and others pass
--- args: on
--- pass
Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36
Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:120.0) Gecko/20100101 Firefox/120.0
Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1
Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36
Mozilla/5.0 (Linux; Android 9; Cubot) AppleWebKit/537.36
Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/100 YaBrowser/22.1 Safari/537.36
curl/7.88.1
Wget/1.21.3
HTTPie/3.2.1
python-requests/2.31.0
PostmanRuntime/7.36.0
kube-probe/1.28
helloworld
robots are welcome
x
--- no_error_log
[error]



=== TEST 2: crawlers
--- args: on
--- refuse
Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)
Googlebot-Image/1.0
Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)
Twitterbot/1.0
facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)
Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)
AdsBot-Google (+http://www.google.com/adsbot.html)
Mozilla/5.0 (compatible; Baiduspider/2.0)
anybot/1.0
SomeBot
MySpider/0.1
SPIDER
Web Crawler
CRAWL-E/0.6
webscraper
Scrapy/2.11
Mediapartners-Google
ia_archiver
Apache-Nutch/1.19
008/0.83
Mozilla/5.0 (compatible; YandexImages/3.0)
LinkedInBot/1.0
voyager/1.0



=== TEST 3: HTTP libraries
--- args: on
--- refuse
Go-http-client/1.1
Apache-HttpClient/4.5.14 (Java/17)
Python-urllib/3.11
okhttp/4.12.0
axios/1.6.2
reqwest/0.11
aws-sdk-go/1.44.1 (go1.20; linux; amd64)
aws-sdk-java/2.20.1
Boto3/1.28.62



=== TEST 4: the answer
--- args: on
--- request
GET /
--- more_headers
User-Agent: Googlebot
--- error_code: 403
--- response_body_like eval
qr/^\{\n  "message":"Forbidden",\n  "request_id":"[0-9a-f]{32}"\n\}$/



=== TEST 5: no User-Agent, an empty one
--- args: on
--- request eval
["GET /", "GET /"]
--- more_headers eval
["", "User-Agent:"]
--- error_code eval
[200, 200]



=== TEST 6: two headers
--- args: on
--- request
GET /
--- more_headers
User-Agent: a
User-Agent: b
--- error_code: 400
--- response_body_like: "message":"Only one User-Agent header allowed"



=== TEST 7: allow wins over deny and the list
--- args: allow=Googlebot "allow=^My[Bb]ot/1" deny=Google
--- pass
Googlebot/2.1
Mybot/1.0



=== TEST 8: deny, and the list beside it; case counts
--- args: allow=Googlebot "deny=^(curl|Wget)/" deny=helloworld
--- refuse
curl/7.88.1
Wget/1.21
say helloworld now
googlebot/2.1



=== TEST 9: deny is anchored only where it says so
--- args: "deny=^curl/" deny=Hello
--- pass
libcurl/7
hello



=== TEST 10: before authentication
--- args: on
--- location
gateway_key_auth on;
--- request eval
["GET /", "GET /"]
--- more_headers eval
["User-Agent: Googlebot", "User-Agent: curl/1"]
--- error_code eval
[403, 401]



=== TEST 11: off below on
--- config eval
<<"_EOC_";
    gateway_bot_detection on;
    location / {
        gateway_bot_detection off;
$::proxy
    }
_EOC_
--- pass
Googlebot/2.1



=== TEST 12: a bad regex
--- args: "deny=(a"
--- must_die
--- error_log
invalid regex "(a" in "gateway_bot_detection"



=== TEST 13: not for consumers
--- http_config
    gateway_consumer c { gateway_bot_detection on; }
--- args: on
--- must_die
--- error_log
is not allowed in "gateway_consumer"
