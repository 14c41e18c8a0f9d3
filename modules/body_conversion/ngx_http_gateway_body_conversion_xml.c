
/*
 * Copyright (C) the ngx_gateway authors
 *
 * From XML to JSON.  libxml2 reads the text and tells what it finds; without
 * a document type declaration there is nothing that it could load or expand.
 */


#include "ngx_http_gateway_body_conversion.h"

#include <libxml/parser.h>
#include <libxml/xmlerror.h>


typedef struct ngx_http_gateway_element_s  ngx_http_gateway_element_t;

/* names are of the parser's dictionary: equal ones are one */
typedef struct {
    const xmlChar                   *prefix;    /* or NULL */
    const xmlChar                   *name;
} ngx_http_gateway_element_name_t;

typedef struct {
    ngx_http_gateway_element_name_t  name;
    ngx_str_t                        value;
} ngx_http_gateway_attribute_t;

struct ngx_http_gateway_element_s {
    ngx_http_gateway_element_name_t  name;
    ngx_http_gateway_attribute_t    *attributes;
    ngx_uint_t                       nattributes;
    ngx_str_t                        text;
    size_t                           size;      /* of its memory */
    ngx_uint_t                       number;    /* among its siblings */
    ngx_uint_t                       nchildren;
    ngx_http_gateway_element_t      *parent;
    ngx_http_gateway_element_t      *first;     /* child */
    ngx_http_gateway_element_t      *last;
    ngx_http_gateway_element_t      *next;
    ngx_http_gateway_element_t      *same;      /* next one of that name */
    unsigned                         later:1;   /* is "same" of another */
};

typedef struct {
    ngx_http_gateway_conversion_t   *cv;
    xmlParserCtxtPtr                 parser;
    ngx_http_gateway_element_t      *root;
    ngx_http_gateway_element_t      *current;
    ngx_uint_t                       depth;
    ngx_uint_t                       nnodes;
    ngx_int_t                        rc;        /* why it was stopped */
} ngx_http_gateway_xml_t;


static void ngx_http_gateway_conversion_stop(ngx_http_gateway_xml_t *xml,
    ngx_int_t rc);
static void ngx_http_gateway_conversion_doctype(void *data,
    const xmlChar *name, const xmlChar *external, const xmlChar *system);
static void ngx_http_gateway_conversion_start(void *data,
    const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
    int nnamespaces, const xmlChar **namespaces, int nattributes,
    int ndefaulted, const xmlChar **attributes);
static ngx_int_t ngx_http_gateway_conversion_set_attributes(
    ngx_http_gateway_xml_t *xml, ngx_http_gateway_element_t *element,
    int nnamespaces, const xmlChar **namespaces, int nattributes,
    const xmlChar **attributes);
static ngx_int_t ngx_http_gateway_conversion_copy(ngx_pool_t *pool,
    ngx_str_t *to, const xmlChar *from, size_t len);
static void ngx_http_gateway_conversion_end(void *data, const xmlChar *name,
    const xmlChar *prefix, const xmlChar *uri);
static void ngx_http_gateway_conversion_text(void *data, const xmlChar *text,
    int len);
static ngx_int_t ngx_http_gateway_conversion_write(
    ngx_http_gateway_conversion_t *cv, ngx_http_gateway_element_t *element);
static ngx_int_t ngx_http_gateway_conversion_write_object(
    ngx_http_gateway_conversion_t *cv, ngx_http_gateway_element_t *element);
static ngx_int_t ngx_http_gateway_conversion_write_children(
    ngx_http_gateway_conversion_t *cv, ngx_http_gateway_element_t *child);
static ngx_int_t ngx_http_gateway_conversion_write_name(
    ngx_http_gateway_conversion_t *cv, const char *begin,
    ngx_http_gateway_element_name_t *name);
static ngx_int_t ngx_http_gateway_conversion_write_string(
    ngx_http_gateway_conversion_t *cv, ngx_str_t *text);
static ngx_int_t ngx_http_gateway_conversion_group(ngx_pool_t *pool,
    ngx_http_gateway_element_t *element);
static int ngx_libc_cdecl ngx_http_gateway_conversion_compare(const void *one,
    const void *two);
static ngx_uint_t ngx_http_gateway_conversion_is_blank(ngx_str_t *text);


ngx_int_t
ngx_http_gateway_conversion_xml_to_json(ngx_http_gateway_conversion_t *cv,
    const ngx_str_t *in)
{
    ngx_int_t               rc;
    ngx_str_t               text;
    xmlSAXHandler          *sax;
    xmlParserCtxtPtr        parser;
    ngx_http_gateway_xml_t  xml;

    rc = ngx_http_gateway_conversion_decode(cv, in, &text);
    if (rc != NGX_OK) {
        return rc;
    }

    if (text.len > NGX_MAX_INT32_VALUE) {
        return NGX_ABORT;
    }

    parser = xmlNewParserCtxt();
    if (parser == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&xml, sizeof(ngx_http_gateway_xml_t));

    xml.cv = cv;
    xml.parser = parser;

    /* what is not told is not handled: no tree, no entities, no messages */

    sax = parser->sax;

    ngx_memzero(sax, sizeof(xmlSAXHandler));

    sax->initialized = XML_SAX2_MAGIC;
    sax->internalSubset = ngx_http_gateway_conversion_doctype;
    sax->startElementNs = ngx_http_gateway_conversion_start;
    sax->endElementNs = ngx_http_gateway_conversion_end;
    sax->characters = ngx_http_gateway_conversion_text;
    sax->ignorableWhitespace = ngx_http_gateway_conversion_text;
    sax->cdataBlock = ngx_http_gateway_conversion_text;

    parser->userData = &xml;

    /* NOENT: "&amp;" in attributes would come as "&#38;" */

    (void) xmlCtxtReadMemory(parser, (char *) text.data, (int) text.len, NULL,
                             "UTF-8",
                             XML_PARSE_NOENT|XML_PARSE_NONET
                             |XML_PARSE_NOERROR|XML_PARSE_NOWARNING
                             |XML_PARSE_IGNORE_ENC);

    if (xml.rc != NGX_OK) {
        rc = xml.rc;

    } else if (!parser->wellFormed || xml.root == NULL) {
        rc = ngx_http_gateway_conversion_refuse(cv, "no well-formed XML");

    } else {
        rc = ngx_http_gateway_conversion_puts(cv, "{");

        if (rc == NGX_OK) {
            rc = ngx_http_gateway_conversion_write_children(cv, xml.root);
        }

        if (rc == NGX_OK) {
            rc = ngx_http_gateway_conversion_puts(cv, "}");
        }
    }

    xmlFreeParserCtxt(parser);

    return rc;
}


static void
ngx_http_gateway_conversion_stop(ngx_http_gateway_xml_t *xml, ngx_int_t rc)
{
    xml->rc = rc;

    xmlStopParser(xml->parser);
}


static void
ngx_http_gateway_conversion_doctype(void *data, const xmlChar *name,
    const xmlChar *external, const xmlChar *system)
{
    ngx_http_gateway_xml_t  *xml = data;

    ngx_http_gateway_conversion_stop(xml,
                    ngx_http_gateway_conversion_refuse(xml->cv,
                                       "with a document type declaration"));
}


static void
ngx_http_gateway_conversion_start(void *data, const xmlChar *name,
    const xmlChar *prefix, const xmlChar *uri, int nnamespaces,
    const xmlChar **namespaces, int nattributes, int ndefaulted,
    const xmlChar **attributes)
{
    ngx_http_gateway_xml_t  *xml = data;

    ngx_http_gateway_element_t  *element, *parent;

    if (xml->rc != NGX_OK) {
        return;
    }

    xml->nnodes += 1 + nnamespaces + nattributes;

    if (xml->nnodes > NGX_HTTP_GATEWAY_CONVERSION_NODES) {
        ngx_http_gateway_conversion_stop(xml,
                    ngx_http_gateway_conversion_refuse(xml->cv,
                                    "of too many elements and attributes"));
        return;
    }

    if (++xml->depth > NGX_HTTP_GATEWAY_CONVERSION_DEPTH) {
        ngx_http_gateway_conversion_stop(xml,
                    ngx_http_gateway_conversion_refuse(xml->cv,
                                                       "nested too deeply"));
        return;
    }

    element = ngx_pcalloc(xml->cv->pool, sizeof(ngx_http_gateway_element_t));
    if (element == NULL) {
        ngx_http_gateway_conversion_stop(xml, NGX_ERROR);
        return;
    }

    element->name.prefix = prefix;
    element->name.name = name;

    parent = xml->current;
    element->parent = parent;

    if (parent == NULL) {
        xml->root = element;

    } else {
        element->number = parent->nchildren++;

        if (parent->last) {
            parent->last->next = element;

        } else {
            parent->first = element;
        }

        parent->last = element;
    }

    xml->current = element;

    if (nnamespaces + nattributes
        && ngx_http_gateway_conversion_set_attributes(xml, element,
                                                      nnamespaces, namespaces,
                                                      nattributes, attributes)
           != NGX_OK)
    {
        ngx_http_gateway_conversion_stop(xml, NGX_ERROR);
    }
}


/* declarations of namespaces come apart */

static ngx_int_t
ngx_http_gateway_conversion_set_attributes(ngx_http_gateway_xml_t *xml,
    ngx_http_gateway_element_t *element, int nnamespaces,
    const xmlChar **namespaces, int nattributes, const xmlChar **attributes)
{
    int                            i;
    ngx_pool_t                    *pool;
    ngx_http_gateway_attribute_t  *attribute;

    pool = xml->cv->pool;

    attribute = ngx_pcalloc(pool, (nnamespaces + nattributes)
                                  * sizeof(ngx_http_gateway_attribute_t));
    if (attribute == NULL) {
        return NGX_ERROR;
    }

    element->attributes = attribute;
    element->nattributes = nnamespaces + nattributes;

    for (i = 0; i < nnamespaces; i++, namespaces += 2, attribute++) {

        if (namespaces[0]) {
            attribute->name.prefix = BAD_CAST "xmlns";
            attribute->name.name = namespaces[0];

        } else {
            attribute->name.name = BAD_CAST "xmlns";
        }

        if (namespaces[1]
            && ngx_http_gateway_conversion_copy(pool, &attribute->value,
                                             namespaces[1],
                                             ngx_strlen(namespaces[1]))
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    /* name, prefix, URI, begin and end of its value */

    for (i = 0; i < nattributes; i++, attributes += 5, attribute++) {

        attribute->name.name = attributes[0];
        attribute->name.prefix = attributes[1];

        if (ngx_http_gateway_conversion_copy(pool, &attribute->value,
                                             attributes[3],
                                             attributes[4] - attributes[3])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_conversion_copy(ngx_pool_t *pool, ngx_str_t *to,
    const xmlChar *from, size_t len)
{
    to->len = len;

    if (len == 0) {
        return NGX_OK;
    }

    to->data = ngx_pnalloc(pool, len);
    if (to->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(to->data, from, len);

    return NGX_OK;
}


static void
ngx_http_gateway_conversion_end(void *data, const xmlChar *name,
    const xmlChar *prefix, const xmlChar *uri)
{
    ngx_http_gateway_xml_t  *xml = data;

    if (xml->rc != NGX_OK || xml->current == NULL) {
        return;
    }

    xml->current = xml->current->parent;
    xml->depth--;
}


/* it comes in pieces */

static void
ngx_http_gateway_conversion_text(void *data, const xmlChar *text, int len)
{
    ngx_http_gateway_xml_t  *xml = data;

    u_char                      *p;
    size_t                       size;
    ngx_http_gateway_element_t  *element;

    element = xml->current;

    if (xml->rc != NGX_OK || element == NULL || len <= 0) {
        return;
    }

    if ((size_t) len > element->size - element->text.len) {

        size = 2 * element->size + len;

        p = ngx_pnalloc(xml->cv->pool, size);
        if (p == NULL) {
            ngx_http_gateway_conversion_stop(xml, NGX_ERROR);
            return;
        }

        if (element->text.len) {
            ngx_memcpy(p, element->text.data, element->text.len);
            (void) ngx_pfree(xml->cv->pool, element->text.data);
        }

        element->text.data = p;
        element->size = size;
    }

    ngx_memcpy(element->text.data + element->text.len, text, len);
    element->text.len += len;
}


static ngx_int_t
ngx_http_gateway_conversion_write(ngx_http_gateway_conversion_t *cv,
    ngx_http_gateway_element_t *element)
{
    ngx_int_t  rc;

    if (element->nattributes == 0 && element->first == NULL) {
        return ngx_http_gateway_conversion_write_string(cv, &element->text);
    }

    rc = ngx_http_gateway_conversion_puts(cv, "{");

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_conversion_write_object(cv, element);
    }

    return rc == NGX_OK ? ngx_http_gateway_conversion_puts(cv, "}") : rc;
}


/* attributes, children, and text unless it only indents these */

static ngx_int_t
ngx_http_gateway_conversion_write_object(ngx_http_gateway_conversion_t *cv,
    ngx_http_gateway_element_t *element)
{
    ngx_int_t                      rc;
    ngx_uint_t                     i, n;
    ngx_http_gateway_element_t    *child;
    ngx_http_gateway_attribute_t  *attribute;

    n = 0;
    attribute = element->attributes;

    for (i = 0; i < element->nattributes; i++) {

        rc = ngx_http_gateway_conversion_write_name(cv, n++ ? ",\"@" : "\"@",
                                                    &attribute[i].name);
        if (rc == NGX_OK) {
            rc = ngx_http_gateway_conversion_write_string(cv,
                                                         &attribute[i].value);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (element->nchildren > 1
        && ngx_http_gateway_conversion_group(cv->pool, element) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (child = element->first; child; child = child->next) {

        if (child->later) {
            continue;
        }

        rc = n++ ? ngx_http_gateway_conversion_puts(cv, ",") : NGX_OK;

        if (rc == NGX_OK) {
            rc = ngx_http_gateway_conversion_write_children(cv, child);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (element->text.len == 0
        || (element->first
            && ngx_http_gateway_conversion_is_blank(&element->text)))
    {
        return NGX_OK;
    }

    rc = n ? ngx_http_gateway_conversion_puts(cv, ",\"#text\":")
           : ngx_http_gateway_conversion_puts(cv, "\"#text\":");

    return rc == NGX_OK
           ? ngx_http_gateway_conversion_write_string(cv, &element->text)
           : rc;
}


/* all of one name */

static ngx_int_t
ngx_http_gateway_conversion_write_children(ngx_http_gateway_conversion_t *cv,
    ngx_http_gateway_element_t *child)
{
    ngx_int_t    rc;
    const char  *before;

    rc = ngx_http_gateway_conversion_write_name(cv, "\"", &child->name);

    if (rc != NGX_OK || child->same == NULL) {
        return rc == NGX_OK ? ngx_http_gateway_conversion_write(cv, child)
                            : rc;
    }

    for (before = "["; child; before = ",", child = child->same) {

        rc = ngx_http_gateway_conversion_put(cv, before, 1);

        if (rc == NGX_OK) {
            rc = ngx_http_gateway_conversion_write(cv, child);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return ngx_http_gateway_conversion_puts(cv, "]");
}


/* no character of a name is escaped in JSON */

static ngx_int_t
ngx_http_gateway_conversion_write_name(ngx_http_gateway_conversion_t *cv,
    const char *begin, ngx_http_gateway_element_name_t *name)
{
    ngx_int_t  rc;

    rc = ngx_http_gateway_conversion_put(cv, begin, ngx_strlen(begin));

    if (rc == NGX_OK && name->prefix) {
        rc = ngx_http_gateway_conversion_put(cv, name->prefix,
                                             ngx_strlen(name->prefix));
        if (rc == NGX_OK) {
            rc = ngx_http_gateway_conversion_puts(cv, ":");
        }
    }

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_conversion_put(cv, name->name,
                                             ngx_strlen(name->name));
    }

    return rc == NGX_OK ? ngx_http_gateway_conversion_puts(cv, "\":") : rc;
}


static ngx_int_t
ngx_http_gateway_conversion_write_string(ngx_http_gateway_conversion_t *cv,
    ngx_str_t *text)
{
    u_char     *p, *last, *begin, buf[6];
    ngx_int_t   rc;

    rc = ngx_http_gateway_conversion_puts(cv, "\"");

    p = text->data;
    last = p + text->len;
    begin = p;

    for ( /* void */ ; rc == NGX_OK && p < last; p++) {

        if (*p >= 0x20 && *p != '"' && *p != '\\') {
            continue;
        }

        rc = ngx_http_gateway_conversion_put(cv, begin, p - begin);

        if (rc == NGX_OK) {
            rc = ngx_http_gateway_conversion_put(cv, buf,
                           (u_char *) ngx_escape_json(buf, p, 1) - buf);
        }

        begin = p + 1;
    }

    if (rc == NGX_OK) {
        rc = ngx_http_gateway_conversion_put(cv, begin, last - begin);
    }

    return rc == NGX_OK ? ngx_http_gateway_conversion_puts(cv, "\"") : rc;
}


/* links children of one name, in the time of sorting them */

static ngx_int_t
ngx_http_gateway_conversion_group(ngx_pool_t *pool,
    ngx_http_gateway_element_t *element)
{
    ngx_uint_t                    i;
    ngx_http_gateway_element_t   *child, **children;

    children = ngx_palloc(pool, element->nchildren
                                * sizeof(ngx_http_gateway_element_t *));
    if (children == NULL) {
        return NGX_ERROR;
    }

    for (i = 0, child = element->first; child; child = child->next) {
        children[i++] = child;
    }

    ngx_qsort(children, element->nchildren,
              sizeof(ngx_http_gateway_element_t *),
              ngx_http_gateway_conversion_compare);

    for (i = 1; i < element->nchildren; i++) {

        if (children[i]->name.name == children[i - 1]->name.name
            && children[i]->name.prefix == children[i - 1]->name.prefix)
        {
            children[i - 1]->same = children[i];
            children[i]->later = 1;
        }
    }

    (void) ngx_pfree(pool, children);

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_http_gateway_conversion_compare(const void *one, const void *two)
{
    const ngx_http_gateway_element_t  *a, *b;

    a = *(ngx_http_gateway_element_t *const *) one;
    b = *(ngx_http_gateway_element_t *const *) two;

    if (a->name.name != b->name.name) {
        return (uintptr_t) a->name.name < (uintptr_t) b->name.name ? -1 : 1;
    }

    if (a->name.prefix != b->name.prefix) {
        return (uintptr_t) a->name.prefix < (uintptr_t) b->name.prefix ? -1
                                                                       : 1;
    }

    return a->number < b->number ? -1 : 1;
}


static ngx_uint_t
ngx_http_gateway_conversion_is_blank(ngx_str_t *text)
{
    size_t  i;

    for (i = 0; i < text->len; i++) {
        if (text->data[i] > ' ') {
            return 0;
        }
    }

    return 1;
}
