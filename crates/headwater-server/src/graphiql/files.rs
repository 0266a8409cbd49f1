//! Written by `cargo xtask graphiql`: the files of the page, packed with gzip.

use super::File;

pub(super) const FILES: &[File] = &[
    File {
        path: "NOTICES.txt",
        kind: "text/plain; charset=utf-8",
        digest: "82e34559fe745843c8231795c21773a4",
        packed: include_bytes!("../../graphiql/dist/NOTICES.txt.gz"),
    },
    File {
        path: "assets/babel-CP2yIo91.js",
        kind: "text/javascript; charset=utf-8",
        digest: "83463a5dccc9b1498c9d3c0cad6a5740",
        packed: include_bytes!("../../graphiql/dist/assets/babel-CP2yIo91.js.gz"),
    },
    File {
        path: "assets/codicon-DCmgc-ay.ttf",
        kind: "font/ttf",
        digest: "0f1d5219934e96e83b8db162d60b4d8c",
        packed: include_bytes!("../../graphiql/dist/assets/codicon-DCmgc-ay.ttf.gz"),
    },
    File {
        path: "assets/editor.worker-DERb3WoQ.js",
        kind: "text/javascript; charset=utf-8",
        digest: "2046813b1d62492613c8f5ad21294459",
        packed: include_bytes!("../../graphiql/dist/assets/editor.worker-DERb3WoQ.js.gz"),
    },
    File {
        path: "assets/estree-BbkbXjhR.js",
        kind: "text/javascript; charset=utf-8",
        digest: "2d9cefb8f072cd5905709dc17fe64173",
        packed: include_bytes!("../../graphiql/dist/assets/estree-BbkbXjhR.js.gz"),
    },
    File {
        path: "assets/graphql-CR2QBYZT.js",
        kind: "text/javascript; charset=utf-8",
        digest: "48a983c1d3df03da62ef571cae8720ec",
        packed: include_bytes!("../../graphiql/dist/assets/graphql-CR2QBYZT.js.gz"),
    },
    File {
        path: "assets/graphql-D3jw_5oC.js",
        kind: "text/javascript; charset=utf-8",
        digest: "061fbb9a25587d84eea65d478ebe59f2",
        packed: include_bytes!("../../graphiql/dist/assets/graphql-D3jw_5oC.js.gz"),
    },
    File {
        path: "assets/graphql-Dk-WCpT-.js",
        kind: "text/javascript; charset=utf-8",
        digest: "f9ef83de3291cf1f8f1a6d7ade4296ab",
        packed: include_bytes!("../../graphiql/dist/assets/graphql-Dk-WCpT-.js.gz"),
    },
    File {
        path: "assets/graphql-LQdxqEYJ.js",
        kind: "text/javascript; charset=utf-8",
        digest: "cf010f0bd4917c35329213d3205842a6",
        packed: include_bytes!("../../graphiql/dist/assets/graphql-LQdxqEYJ.js.gz"),
    },
    File {
        path: "assets/graphql.worker-BbYjSH3c.js",
        kind: "text/javascript; charset=utf-8",
        digest: "db8f77c5d67995f1ffdded6bd50750ad",
        packed: include_bytes!("../../graphiql/dist/assets/graphql.worker-BbYjSH3c.js.gz"),
    },
    File {
        path: "assets/graphqlMode-DsP2HKzp.js",
        kind: "text/javascript; charset=utf-8",
        digest: "6b80568afe1367a551eacabfb342702e",
        packed: include_bytes!("../../graphiql/dist/assets/graphqlMode-DsP2HKzp.js.gz"),
    },
    File {
        path: "assets/index-2nI4sosd.js",
        kind: "text/javascript; charset=utf-8",
        digest: "be52dcf96bdf3d55028ba263892a5666",
        packed: include_bytes!("../../graphiql/dist/assets/index-2nI4sosd.js.gz"),
    },
    File {
        path: "assets/index-C1QSa9HB.js",
        kind: "text/javascript; charset=utf-8",
        digest: "561f7b583119c0fddf18a7676483b96c",
        packed: include_bytes!("../../graphiql/dist/assets/index-C1QSa9HB.js.gz"),
    },
    File {
        path: "assets/index-Cu8a-GoT.css",
        kind: "text/css; charset=utf-8",
        digest: "26e3d48415a7519f10da0bd1ca48a59d",
        packed: include_bytes!("../../graphiql/dist/assets/index-Cu8a-GoT.css.gz"),
    },
    File {
        path: "assets/json.worker-BoMnvqI7.js",
        kind: "text/javascript; charset=utf-8",
        digest: "86216ddeeee41445542af662f16e7563",
        packed: include_bytes!("../../graphiql/dist/assets/json.worker-BoMnvqI7.js.gz"),
    },
    File {
        path: "assets/jsonMode-DXrlX4HY.js",
        kind: "text/javascript; charset=utf-8",
        digest: "5af6d9d1c1a87a2c9a157caadd3870eb",
        packed: include_bytes!("../../graphiql/dist/assets/jsonMode-DXrlX4HY.js.gz"),
    },
    File {
        path: "assets/lite-CNvIhbiz.js",
        kind: "text/javascript; charset=utf-8",
        digest: "df45e574454fc0c12e2c18bf1e9acffc",
        packed: include_bytes!("../../graphiql/dist/assets/lite-CNvIhbiz.js.gz"),
    },
    File {
        path: "assets/monaco-editor-C9UZbqKg.js",
        kind: "text/javascript; charset=utf-8",
        digest: "9c7a083fa94522ce5965bbc4ae5e8290",
        packed: include_bytes!("../../graphiql/dist/assets/monaco-editor-C9UZbqKg.js.gz"),
    },
    File {
        path: "assets/monaco-editor-CMp-cWx8.css",
        kind: "text/css; charset=utf-8",
        digest: "ec103efc7d317cf44e43519a826c3029",
        packed: include_bytes!("../../graphiql/dist/assets/monaco-editor-CMp-cWx8.css.gz"),
    },
    File {
        path: "assets/mouseTarget-CCC6Dtko.js",
        kind: "text/javascript; charset=utf-8",
        digest: "466522a41178601fe203432090174aed",
        packed: include_bytes!("../../graphiql/dist/assets/mouseTarget-CCC6Dtko.js.gz"),
    },
    File {
        path: "assets/standalone-DsNB8D0P.js",
        kind: "text/javascript; charset=utf-8",
        digest: "4f1e9bb10a2bbaf27c886570eb28c9b6",
        packed: include_bytes!("../../graphiql/dist/assets/standalone-DsNB8D0P.js.gz"),
    },
    File {
        path: "index.html",
        kind: "text/html; charset=utf-8",
        digest: "0b310b740bd593c5afc7d5c00e2bbef2",
        packed: include_bytes!("../../graphiql/dist/index.html.gz"),
    },
];
