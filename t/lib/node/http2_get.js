// Copyright (C) the ngx_gateway authors
//
// Many requests at a time over one HTTP/2 connection, with nothing but Node.
//
// Usage: node http2_get.js ORIGIN PATH RESET AUTHORIZATION...
//
// One request for each AUTHORIZATION; the first RESET of them are reset at
// once.  Prints the statuses of the others, "reset" for one that got none.

'use strict';

const http2 = require('http2');

const [origin, path, reset, ...values] = process.argv.slice(2);
const session = http2.connect(origin);
const statuses = [];
let open = 0;

session.on('error', () => {});

values.forEach((value, i) => {
    const stream = session.request({ ':path': path, authorization: value });

    open++;
    statuses[i] = 'reset';
    stream.on('response', (headers) => { statuses[i] = headers[':status']; });
    stream.on('error', () => {});
    stream.resume();
    stream.on('close', () => {
        if (--open === 0) {
            console.log(statuses.slice(Number(reset)).join(' '));
            session.close();
        }
    });

    stream.end();

    if (i < Number(reset)) {
        // after the request is on its way
        setImmediate(() => stream.close(http2.constants.NGHTTP2_CANCEL));
    }
});
