/*
 * Copyright (C) the ngx_gateway authors
 *
 * HTTP/2 of upstreams in test runs, which gRPC services speak.
 */

#include <nghttp2/nghttp2.h>
#include <string.h>

#include "test.h"

typedef struct gwc_test_stream_s gwc_test_stream_t;

struct gwc_test_stream_s {
    gwc_test_stream_t *next;
    gwc_test_http2_t *h2;
    int32_t id;
    bool closed;
    gwc_test_received_t *received;
    const gwc_test_answer_t *answer; /* NULL: the request is not complete, or
                                        the answer is under way */
    const gwc_test_answer_t *sending;
    size_t sent;
    int64_t due;
};

struct gwc_test_http2_s {
    gwc_test_run_t *run;
    gwc_test_conn_t *conn;
    nghttp2_session *session;
    gwc_test_stream_t *streams;
    bool failed;
};


static nghttp2_nv
gwc_http2_pair(gwc_text_t name, gwc_text_t value)
{
    char *lower = gwc_strndup(name.data, name.len);
    char *copy = gwc_strndup(value.data, value.len);
    size_t i;

    for (i = 0; i < name.len; i++) {
        if (lower[i] >= 'A' && lower[i] <= 'Z') {
            lower[i] = (char) (lower[i] | 0x20);
        }
    }

    return (nghttp2_nv){ (uint8_t *) lower, (uint8_t *) copy, name.len,
                         value.len, NGHTTP2_NV_FLAG_NONE };
}


static size_t
gwc_http2_count(const gwc_node_t *headers)
{
    size_t i, n = 0;

    for (i = 0; headers != NULL && i < headers->n; i++) {
        n +=
            headers->items[i]->kind == GWC_NODE_SEQ ? headers->items[i]->n : 1;
    }

    return n;
}


static size_t
gwc_http2_headers(nghttp2_nv *pairs, const gwc_node_t *headers)
{
    size_t i, k, n = 0;

    for (i = 0; headers != NULL && i < headers->n; i++) {
        const gwc_node_t *item = headers->items[i];

        for (k = 0; k < (item->kind == GWC_NODE_SEQ ? item->n : 1); k++) {
            pairs[n++] = gwc_http2_pair(
                headers->keys[i]->text,
                gwc_test_text(item->kind == GWC_NODE_SEQ ? item->items[k]
                                                         : item));
        }
    }

    return n;
}


static bool
gwc_http2_is_grpc(const gwc_test_stream_t *stream)
{
    const gwc_text_t *type =
        gwc_test_header(&stream->received->headers, "content-type");

    return type != NULL && type->len >= 16
           && memcmp(type->data, "application/grpc", 16) == 0;
}


/* the body, then the trailers */
static ssize_t
gwc_http2_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t room,
               uint32_t *flags, nghttp2_data_source *source, void *data)
{
    gwc_test_stream_t *stream = source->ptr;
    const gwc_test_answer_t *answer = stream->sending;
    size_t count, len, n;
    nghttp2_nv *pairs;

    (void) data;

    /* no message of gRPC */
    len =
        answer->filler && gwc_http2_is_grpc(stream) ? 0 : answer->content.len;
    n = len - stream->sent;
    n = n < room ? n : room;

    if (n) {
        memcpy(buf, answer->content.data + stream->sent, n);
        stream->sent += n;
    }

    if (stream->sent < len) {
        return (ssize_t) n;
    }

    *flags |= NGHTTP2_DATA_FLAG_EOF;
    count = gwc_http2_count(answer->trailers);
    pairs = gwc_alloc_array(count + 1, sizeof(*pairs));
    count = gwc_http2_headers(pairs, answer->trailers);

    if (answer->trailers == NULL && gwc_http2_is_grpc(stream)) {
        pairs[count++] =
            gwc_http2_pair(GWC_TEXT("grpc-status"), GWC_TEXT("0"));
    }

    if (count) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        (void) nghttp2_submit_trailer(session, id, pairs, count);
    }

    return (ssize_t) n;
}


static void
gwc_http2_reply(gwc_test_stream_t *stream)
{
    const gwc_test_answer_t *answer = stream->answer;
    nghttp2_data_provider provider = { { .ptr = stream }, gwc_http2_read };
    char *status = gwc_sprintf(
        "%lld", (long long) (answer->status.set ? answer->status.v : 200));
    nghttp2_nv *pairs =
        gwc_alloc_array(gwc_http2_count(answer->headers) + 2, sizeof(*pairs));
    size_t n = 0;

    stream->sending = answer;
    stream->answer = NULL;

    if (answer->fail.set) {
        if (gwc_text_is(answer->fail.v, "reset")) {
            (void) nghttp2_submit_rst_stream(stream->h2->session,
                                             NGHTTP2_FLAG_NONE, stream->id,
                                             NGHTTP2_INTERNAL_ERROR);

        } else if (gwc_text_is(answer->fail.v, "close")) {
            stream->h2->failed = true;
        }

        return;
    }

    pairs[n++] = gwc_http2_pair(GWC_TEXT(":status"),
                                (gwc_text_t){ status, strlen(status) });
    n += gwc_http2_headers(pairs + n, answer->headers);

    if (gwc_http2_is_grpc(stream)
        && (answer->headers == NULL
            || gwc_node_get(answer->headers, "content-type") == NULL))
    {
        pairs[n++] = gwc_http2_pair(GWC_TEXT("content-type"),
                                    GWC_TEXT("application/grpc"));
    }

    (void) nghttp2_submit_response(stream->h2->session, stream->id, pairs, n,
                                   &provider);
}


static int
gwc_http2_begin(nghttp2_session *session, const nghttp2_frame *frame,
                void *data)
{
    gwc_test_http2_t *h2 = data;
    gwc_test_stream_t *stream;

    if (frame->hd.type != NGHTTP2_HEADERS
        || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
    {
        return 0;
    }

    stream = gwc_alloc(sizeof(*stream));
    stream->h2 = h2;
    stream->id = frame->hd.stream_id;
    stream->received = gwc_test_received(h2->conn);
    stream->received->version = "2";
    stream->next = h2->streams;
    h2->streams = stream;

    return nghttp2_session_set_stream_user_data(session, stream->id, stream);
}


static int
gwc_http2_header(nghttp2_session *session, const nghttp2_frame *frame,
                 const uint8_t *name, size_t name_len, const uint8_t *value,
                 size_t value_len, uint8_t flags, void *data)
{
    gwc_test_stream_t *stream =
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    const char *key = (const char *) name;
    gwc_text_t text;

    (void) flags;
    (void) data;

    if (stream == NULL || frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        return 0;
    }

    text = (gwc_text_t){ gwc_strndup((const char *) value, value_len),
                         value_len };

    if (strcmp(key, ":method") == 0) {
        stream->received->method = text;

    } else if (strcmp(key, ":path") == 0) {
        stream->received->target = text;

    } else if (strcmp(key, ":authority") == 0) {
        gwc_test_add_header(&stream->received->headers, "Host", 4, text.data,
                            text.len);

    } else if (key[0] != ':') {
        gwc_test_add_header(&stream->received->headers, key, name_len,
                            text.data, text.len);
    }

    return 0;
}


static int
gwc_http2_data(nghttp2_session *session, uint8_t flags, int32_t id,
               const uint8_t *bytes, size_t len, void *data)
{
    gwc_test_stream_t *stream =
        nghttp2_session_get_stream_user_data(session, id);

    (void) flags;
    (void) data;

    if (stream != NULL) {
        gwc_buf_add(&stream->received->body, bytes, len);
    }

    return 0;
}


static int
gwc_http2_frame(nghttp2_session *session, const nghttp2_frame *frame,
                void *data)
{
    gwc_test_http2_t *h2 = data;
    gwc_test_stream_t *stream;

    if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
    {
        return 0;
    }

    stream =
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    if (stream != NULL && stream->answer == NULL && stream->sending == NULL) {
        stream->answer = gwc_test_answer(h2->run, stream->received);
        stream->due = gwc_test_now()
                      + (stream->answer->delay.set
                             ? (int64_t) (stream->answer->delay.v * 1000)
                             : 0);
    }

    return 0;
}


static int
gwc_http2_closed(nghttp2_session *session, int32_t id, uint32_t error,
                 void *data)
{
    gwc_test_stream_t *stream =
        nghttp2_session_get_stream_user_data(session, id);

    (void) error;
    (void) data;

    if (stream != NULL) {
        stream->closed = true;
        stream->answer = NULL;
    }

    return 0;
}


gwc_test_http2_t *
gwc_test_http2_create(gwc_test_run_t *run, gwc_test_conn_t *conn)
{
    gwc_test_http2_t *h2 = gwc_alloc(sizeof(*h2));
    nghttp2_session_callbacks *callbacks;

    h2->run = run;
    h2->conn = conn;

    if (nghttp2_session_callbacks_new(&callbacks) != 0) {
        return h2;
    }

    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks,
                                                            gwc_http2_begin);
    nghttp2_session_callbacks_set_on_header_callback(callbacks,
                                                     gwc_http2_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks,
                                                              gwc_http2_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks,
                                                         gwc_http2_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks,
                                                           gwc_http2_closed);

    if (nghttp2_session_server_new(&h2->session, callbacks, h2) == 0) {
        (void) nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, NULL,
                                       0);
    }

    nghttp2_session_callbacks_del(callbacks);

    return h2;
}


bool
gwc_test_http2_input(gwc_test_http2_t *h2, const char *data, size_t len)
{
    return h2->session != NULL
           && (len == 0
               || nghttp2_session_mem_recv(h2->session, (const uint8_t *) data,
                                           len)
                      >= 0);
}


bool
gwc_test_http2_output(gwc_test_http2_t *h2, gwc_buf_t *out)
{
    gwc_test_stream_t *stream;
    const uint8_t *data;
    ssize_t n;

    for (stream = h2->streams; stream != NULL; stream = stream->next) {
        if (stream->answer != NULL && gwc_test_now() >= stream->due) {
            gwc_http2_reply(stream);
        }
    }

    for (;;) {
        n = nghttp2_session_mem_send(h2->session, &data);

        if (n <= 0) {
            break;
        }

        gwc_buf_add(out, data, (size_t) n);
    }

    return n == 0 && !h2->failed
           && (nghttp2_session_want_read(h2->session)
               || nghttp2_session_want_write(h2->session));
}


int64_t
gwc_test_http2_due(const gwc_test_http2_t *h2)
{
    const gwc_test_stream_t *stream;
    int64_t due = INT64_MAX;

    for (stream = h2->streams; stream != NULL; stream = stream->next) {
        if (stream->answer != NULL && stream->due < due) {
            due = stream->due;
        }
    }

    return due;
}


void
gwc_test_http2_free(gwc_test_http2_t *h2)
{
    nghttp2_session_del(h2->session);
}
