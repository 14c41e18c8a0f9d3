
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Refuses crawlers and programs by their User-Agent, in the access step,
 * before authentication.  Costs one walk over the User-Agent, and a regex for
 * each that is configured.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_reply.h"


typedef enum {
    NGX_HTTP_GATEWAY_BOT_ANY = 0,            /* anywhere */
    NGX_HTTP_GATEWAY_BOT_START,              /* the User-Agent begins so */
    NGX_HTTP_GATEWAY_BOT_VERSION             /* a word, then "/" and a digit */
} ngx_http_gateway_bot_detection_where_e;


typedef struct {
    ngx_str_t                     text;
    ngx_uint_t                    where;
} ngx_http_gateway_bot_detection_name_t;


typedef struct {
    ngx_http_gateway_instance_t   instance;  /* must be the first */

    ngx_array_t                  *allow;
    ngx_array_t                  *deny;

    ngx_array_t                  *allow_regexes;  /* ngx_regex_t *; or NULL */
    ngx_array_t                  *deny_regexes;
} ngx_http_gateway_bot_detection_conf_t;


/* names by their first byte: those of c are from first[c] to first[c + 1] */
typedef struct {
    ngx_http_gateway_bot_detection_name_t  **names;
    uint16_t                      first[257];
} ngx_http_gateway_bot_detection_main_conf_t;


static ngx_int_t ngx_http_gateway_bot_detection_handler(
    ngx_http_request_t *r, void *data);
static ngx_int_t ngx_http_gateway_bot_detection_match(ngx_http_request_t *r,
    ngx_array_t *regexes, ngx_str_t *agent);
static ngx_uint_t ngx_http_gateway_bot_detection_known(
    ngx_http_gateway_bot_detection_main_conf_t *mcf, ngx_str_t *agent);
static ngx_uint_t ngx_http_gateway_bot_detection_general(ngx_str_t *agent,
    size_t i);
static ngx_uint_t ngx_http_gateway_bot_detection_is_word(u_char c);

static char *ngx_http_gateway_bot_detection_check(ngx_conf_t *cf,
    void *data);
static ngx_int_t ngx_http_gateway_bot_detection_compile(ngx_conf_t *cf,
    ngx_array_t *list, ngx_array_t **regexes);
static ngx_int_t ngx_http_gateway_bot_detection_preconfiguration(
    ngx_conf_t *cf);
static void *ngx_http_gateway_bot_detection_create_main_conf(ngx_conf_t *cf);


/*
 * Crawlers, feed readers, monitors and HTTP libraries that the patterns of
 * ngx_http_gateway_bot_detection_general() do not know; chosen from the names
 * in ua-parser's public list.
 */

static ngx_http_gateway_bot_detection_name_t
    ngx_http_gateway_bot_detection_names[] =
{
    { ngx_string("008"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("50.nu"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Aboundex"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("AdsBot-Google"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Altresium"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("Apache-HttpClient"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("AppEngine-Google"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Archiver"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Argus"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("Ask Jeeves"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Axtaris"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("BUbiNG"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("BaiduMobaider"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("BingPreview"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("BlogBridge"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Bloglovin"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("BoardReader"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("BotSeer"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Boto"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("Boto3"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("Catchpoint"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Checklinks"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("DNSGroup"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("Datanyze"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("DataparkSearch"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("Daumoa"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("EDI"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("Feed Seeker"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Feedbin"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Feedfetcher-Google"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Flamingo_SearchEngine"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Genieo"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Go-http-client"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("GomezAgent"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Goodzer"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("Google SketchUp"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Google-HTTP-Java-Client"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Google-InspectionTool"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("GoogleImageProxy"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("GoogleOther"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Grub"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("HiddenMarket"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("HooWWWer"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("HttpMonitor"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("INGRID"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("IconSurf"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("IlTrovatore"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Infohelfer"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("InternetArchive"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Isara"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("JNLP"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("JetS3t"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("Kraken"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("Kurzor"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("LOOQ"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("Link Sleuth"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("LinkAider"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Llaut"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Mediapartners-Google"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("NING"), NGX_HTTP_GATEWAY_BOT_START },
    { ngx_string("Netvibes"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("NewRelicPinger"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("NewsGator"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Nutch"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Nymesis"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("ObjectsSearch"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("OgScrper"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("PTST"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("PagePeeker"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("PagesInventory"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("PathDefender"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("PaxleFramework"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Peew"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("PingdomPageSpeed"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("PingdomTMS"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Pinterest"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("Pompos"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("PostPost"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("Python-urllib"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Qwantify"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Read%20Later"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("RedCarpet"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Retreiver"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Riddler"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Rival IQ"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("RuxitSynthetic"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("SEOstats"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Scrapy"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Scrubby"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("ShopSalad"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("SimplePie"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("SimpleRSS"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Simpy"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("SiteCon"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Slack-ImgProxy"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Slackbot-LinkExpanding"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Slurp"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Squrl Java"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("StatusCake"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Steeler"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("TLSProber"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Tailsweep"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Thumbshots.ru"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Tiny Tiny RSS"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("URL2PNG"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("VSE"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("Vagabondo"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("WASALive"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Web-sniffer"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("WebCrunch"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("WebThumb"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("WebZIP"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("WhatWeb"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("WinHTTP"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("WordPress"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("Wotbox"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Xenu"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("YahooMailProxy"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("YahooSeeker"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("YandexAccessibility"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("YandexDirect"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("YandexFavicons"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("YandexImages"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("YandexMedia"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("YandexMetrika"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("YandexVideo"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("YandexWebmaster"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Yeti"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("YottaaMonitor"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Yowedo"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("Zao"), NGX_HTTP_GATEWAY_BOT_START },
    { ngx_string("ZooShot"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("ZyBorg"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("aihttp"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("altavista"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("archive.org_bot"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("archiver"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("aws-cli/"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("aws-sdk-"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("axios"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("boitho.com-dc"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("clumboot"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("envolk"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("facebookexternalhit"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("fetchurl"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("findlinks"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("gonzo1"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("grub-client"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("heritrix"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("holmes"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("htdig"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("http%20client"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("ia_archiver"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("ichiro"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("larbin"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("masscan"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("mogimogi"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("mozDex"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("netresearch"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("okhttp"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("reqwest"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("s3fs"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("scalaj-http"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("scooter"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("searchsight"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("semanticdiscovery"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("sproose"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("unirest-"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("vortex"), NGX_HTTP_GATEWAY_BOT_START },
    { ngx_string("voyager"), NGX_HTTP_GATEWAY_BOT_START },
    { ngx_string("wminer"), NGX_HTTP_GATEWAY_BOT_VERSION },
    { ngx_string("www.almaden.ibm.com"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_string("yacy"), NGX_HTTP_GATEWAY_BOT_ANY },
    { ngx_null_string, 0 }
};


static ngx_http_gateway_param_t  ngx_http_gateway_bot_detection_params[] = {

    { ngx_string("allow"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_bot_detection_conf_t, allow), 0, 0, NULL },

    { ngx_string("deny"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_bot_detection_conf_t, deny), 0, 0, NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_bot_detection = {
    ngx_string("bot_detection"),
    2500,
    NGX_HTTP_GATEWAY_NO_CONSUMER,

    sizeof(ngx_http_gateway_bot_detection_conf_t),
    ngx_http_gateway_bot_detection_params,
    NULL,
    ngx_http_gateway_bot_detection_check,

    ngx_http_gateway_bot_detection_handler,
    NULL,
    NULL,
    NULL,

    0
};


static ngx_command_t  ngx_http_gateway_bot_detection_commands[] = {

    { ngx_string("gateway_bot_detection"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_gateway_bot_detection },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_bot_detection_module_ctx = {
    ngx_http_gateway_bot_detection_preconfiguration,
                                           /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_gateway_bot_detection_create_main_conf,
                                           /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_bot_detection_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_bot_detection_module_ctx, /* module context */
    ngx_http_gateway_bot_detection_commands,    /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_gateway_bot_detection_handler(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_bot_detection_conf_t  *conf = data;

    ngx_int_t         rc;
    ngx_str_t         agent;
    ngx_uint_t        n;
    ngx_table_elt_t  *h;

    ngx_http_gateway_bot_detection_main_conf_t  *mcf;

    static ngx_str_t  name = ngx_string("user-agent");
    static ngx_str_t  one =
        ngx_string("Only one User-Agent header allowed");

    n = ngx_http_gateway_header_in_find(r, &name, &h);

    if (n == 0) {
        return NGX_OK;
    }

    if (n > 1) {
        return ngx_http_gateway_error(r, NGX_HTTP_BAD_REQUEST, &one);
    }

    /* nginx trims spaces only */

    agent = h->value;

    while (agent.len && (agent.data[0] == ' ' || agent.data[0] == '\t')) {
        agent.data++;
        agent.len--;
    }

    while (agent.len && (agent.data[agent.len - 1] == ' '
                         || agent.data[agent.len - 1] == '\t'))
    {
        agent.len--;
    }

    rc = ngx_http_gateway_bot_detection_match(r, conf->allow_regexes, &agent);

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    rc = ngx_http_gateway_bot_detection_match(r, conf->deny_regexes, &agent);

    if (rc != NGX_OK) {
        mcf = ngx_http_get_module_main_conf(r,
                                        ngx_http_gateway_bot_detection_module);

        if (!ngx_http_gateway_bot_detection_known(mcf, &agent)) {
            return NGX_OK;
        }
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "bot_detection: the User-Agent is %s",
                  rc == NGX_OK ? "denied" : "that of a program");

    return ngx_http_gateway_error(r, NGX_HTTP_FORBIDDEN, NULL);
}


/* NGX_DECLINED: none of them matches */

static ngx_int_t
ngx_http_gateway_bot_detection_match(ngx_http_request_t *r,
    ngx_array_t *regexes, ngx_str_t *agent)
{
#if (NGX_PCRE)
    ngx_int_t      rc;
    ngx_uint_t     i;
    ngx_regex_t  **regex;

    if (regexes == NULL) {
        return NGX_DECLINED;
    }

    regex = regexes->elts;

    for (i = 0; i < regexes->nelts; i++) {

        rc = ngx_regex_exec(regex[i], agent, NULL, 0);

        if (rc >= 0) {
            return NGX_OK;
        }

        if (rc != NGX_REGEX_NO_MATCHED) {
            ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                          "bot_detection: " ngx_regex_exec_n " failed: %i",
                          rc);
        }
    }
#endif

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_http_gateway_bot_detection_known(
    ngx_http_gateway_bot_detection_main_conf_t *mcf, ngx_str_t *agent)
{
    u_char                                  c, *p;
    size_t                                  i, rest;
    ngx_uint_t                              k;
    ngx_http_gateway_bot_detection_name_t  *name;

    for (i = 0; i < agent->len; i++) {

        p = &agent->data[i];
        c = *p;
        rest = agent->len - i;

        if (ngx_http_gateway_bot_detection_general(agent, i)) {
            return 1;
        }

        for (k = mcf->first[c]; k < mcf->first[c + 1]; k++) {

            name = mcf->names[k];

            if (rest < name->text.len
                || ngx_memcmp(p, name->text.data, name->text.len) != 0)
            {
                continue;
            }

            if (name->where == NGX_HTTP_GATEWAY_BOT_ANY
                || (name->where == NGX_HTTP_GATEWAY_BOT_START && i == 0))
            {
                return 1;
            }

            if (name->where == NGX_HTTP_GATEWAY_BOT_VERSION
                && (i == 0 || !ngx_http_gateway_bot_detection_is_word(p[-1]))
                && rest >= name->text.len + 2
                && p[name->text.len] == '/'
                && p[name->text.len + 1] >= '0'
                && p[name->text.len + 1] <= '9')
            {
                return 1;
            }
        }
    }

    return 0;
}


/*
 * What most of them have in their names: "bot" or "Bot" at the end of a word,
 * but not Cubot, which makes telephones; "spider" and "crawl" in any case;
 * "scrape".
 */

static ngx_uint_t
ngx_http_gateway_bot_detection_general(ngx_str_t *agent, size_t i)
{
    u_char  *p;
    size_t   rest;

    p = &agent->data[i];
    rest = agent->len - i;

    switch (*p) {

    case 'b':
    case 'B':
        return rest >= 3 && p[1] == 'o' && p[2] == 't'
               && (rest == 3 || !ngx_http_gateway_bot_detection_is_word(p[3]))
               && !(i >= 2 && (p[-2] | 0x20) == 'c' && (p[-1] | 0x20) == 'u');

    case 's':
    case 'S':
        return rest >= 6
               && (ngx_strncasecmp(p, (u_char *) "spider", 6) == 0
                   || ngx_memcmp(p + 1, "crape", 5) == 0);

    case 'c':
    case 'C':
        return rest >= 5 && ngx_strncasecmp(p, (u_char *) "crawl", 5) == 0;
    }

    return 0;
}


static ngx_uint_t
ngx_http_gateway_bot_detection_is_word(u_char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
           || c == '_';
}


static char *
ngx_http_gateway_bot_detection_check(ngx_conf_t *cf, void *data)
{
    ngx_http_gateway_bot_detection_conf_t  *conf = data;

    if (ngx_http_gateway_bot_detection_compile(cf, conf->allow,
                                               &conf->allow_regexes)
        != NGX_OK
        || ngx_http_gateway_bot_detection_compile(cf, conf->deny,
                                                  &conf->deny_regexes)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_bot_detection_compile(ngx_conf_t *cf, ngx_array_t *list,
    ngx_array_t **regexes)
{
#if (NGX_PCRE)
    ngx_str_t            *value;
    ngx_uint_t            i;
    ngx_regex_t         **regex;
    ngx_regex_compile_t   rc;
    u_char                errstr[NGX_MAX_CONF_ERRSTR];
#endif

    if (list == NULL) {
        return NGX_OK;
    }

#if (NGX_PCRE)

    *regexes = ngx_array_create(cf->pool, list->nelts, sizeof(ngx_regex_t *));
    if (*regexes == NULL) {
        return NGX_ERROR;
    }

    value = list->elts;

    for (i = 0; i < list->nelts; i++) {

        ngx_memzero(&rc, sizeof(ngx_regex_compile_t));

        rc.pattern = value[i];
        rc.pool = cf->pool;
        rc.err.len = NGX_MAX_CONF_ERRSTR;
        rc.err.data = errstr;

        if (ngx_regex_compile(&rc) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid regex \"%V\" in "
                               "\"gateway_bot_detection\": %V",
                               &value[i], &rc.err);
            return NGX_ERROR;
        }

        regex = ngx_array_push(*regexes);
        if (regex == NULL) {
            return NGX_ERROR;
        }

        *regex = rc.regex;
    }

    return NGX_OK;

#else

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"allow\" and \"deny\" of \"gateway_bot_detection\" "
                       "need an nginx with PCRE");
    return NGX_ERROR;

#endif
}


static ngx_int_t
ngx_http_gateway_bot_detection_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_bot_detection);
}


static void *
ngx_http_gateway_bot_detection_create_main_conf(ngx_conf_t *cf)
{
    ngx_uint_t                                   c, n, total;
    ngx_http_gateway_bot_detection_name_t       *name;
    ngx_http_gateway_bot_detection_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool,
                      sizeof(ngx_http_gateway_bot_detection_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    total = sizeof(ngx_http_gateway_bot_detection_names)
            / sizeof(ngx_http_gateway_bot_detection_name_t) - 1;

    mcf->names = ngx_palloc(cf->pool, total * sizeof(void *));
    if (mcf->names == NULL) {
        return NULL;
    }

    n = 0;

    for (c = 0; c < 256; c++) {
        mcf->first[c] = (uint16_t) n;

        for (name = ngx_http_gateway_bot_detection_names;
             name->text.len;
             name++)
        {
            if (name->text.data[0] == c) {
                mcf->names[n++] = name;
            }
        }
    }

    mcf->first[256] = (uint16_t) n;

    return mcf;
}
