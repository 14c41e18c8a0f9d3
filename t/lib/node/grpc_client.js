// Copyright (C) the ngx_gateway authors
//
// Usage: grpc_client.js CALLS
//
// Makes the calls of a JSON list one after the other and prints what came of
// each, a JSON list too.  A call:
//
//   target     address to connect to
//   tls        TLS, any certificate
//   authority  instead of the target
//   method     of echo.proto
//   messages   to send; with Chat each waits for the reply to the one before
//   metadata   names and values
//   deadline   milliseconds, by default 20,000
//   cancel     replies after which the call is given up

'use strict';

const path = require('path');
const tls = require('tls');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const echo = grpc.loadPackageDefinition(
    loader.loadSync(path.join(__dirname, 'echo.proto'), {keepCase: true}));


function plain(metadata)
{
    const all = {};

    if (metadata) {
        for (const name of Object.keys(metadata.getMap())) {
            all[name] = metadata.get(name)
                .map((v) => Buffer.isBuffer(v) ? v.toString('hex') : v)
                .join(', ');
        }
    }

    return all;
}


function message(m)
{
    return {
        text: m.text || '',
        data: Buffer.alloc(m.bytes || 0, 'y'),
        count: m.count || 0,
        size: m.size || 0,
    };
}


function answer(reply)
{
    return Object.assign({}, reply, {data: reply.data.length});
}


function make(client, call)
{
    return new Promise((resolve) => {
        const metadata = new grpc.Metadata();
        const options = {deadline: Date.now() + (call.deadline || 20000)};
        const messages = (call.messages || [{}]).map(message);
        const result = {initial: {}, replies: []};
        let stream;

        for (const [name, value] of Object.entries(call.metadata || {})) {
            metadata.set(name, value);
        }


        const done = (error, reply) => {
            if (reply) {
                result.replies.push(answer(reply));
            }
        };

        if (call.method === 'Unary') {
            stream = client.Unary(messages[0], metadata, options, done);

        } else if (call.method === 'Collect') {
            stream = client.Collect(metadata, options, done);
            messages.forEach((m) => stream.write(m));
            stream.end();

        } else if (call.method === 'Repeat') {
            stream = client.Repeat(messages[0], metadata, options);

        } else {
            stream = client.Chat(metadata, options);
            stream.write(messages.shift());
        }

        if (call.method === 'Repeat' || call.method === 'Chat') {
            stream.on('data', (reply) => {
                result.replies.push(answer(reply));

                if (result.replies.length === call.cancel) {
                    stream.cancel();
                    return;
                }

                if (call.method === 'Chat') {
                    if (messages.length) {
                        stream.write(messages.shift());
                    } else {
                        stream.end();
                    }
                }
            });
        }

        stream.on('error', () => {});
        stream.on('metadata', (m) => {
            result.initial = plain(m);
        });
        stream.on('status', (status) => {
            result.code = status.code;
            result.details = status.details;
            result.trailing = plain(status.metadata);
            // a reply of a unary call is told after its status
            setImmediate(() => resolve(result));
        });
    });
}


async function main()
{
    const results = [];
    const clients = {};

    for (const call of JSON.parse(process.argv[2])) {
        const id = JSON.stringify([call.target, call.tls, call.authority]);
        const options = {'grpc.max_receive_message_length': -1};

        if (call.authority) {
            options['grpc.default_authority'] = call.authority;
        }

        if (!clients[id]) {
            clients[id] = new echo.test.Echo(
                call.target,
                call.tls
                    ? grpc.credentials.createFromSecureContext(
                        tls.createSecureContext(),
                        {rejectUnauthorized: false})
                    : grpc.credentials.createInsecure(),
                options);
        }

        results.push(await make(clients[id], call));
    }

    process.stdout.write(JSON.stringify(results));
    Object.values(clients).forEach((client) => client.close());
}


main();
