use ingest_core::records::RecordBlock;
use ingest_core::schema::TableSchema;
use ingest_core::shape::{Body, Envelope, Shape};

use super::*;
use crate::{Observer, Origin, recognise, recognise_text};

/// A line of each layout, how many columns it has, and `name: type` of some of them.
const SAMPLES: [(&str, usize, &[&str]); 14] = [
    (
        "1,2026/02/10 10:05:03,012801096514,TRAFFIC,end,2561,2026/02/10 10:05:03,192.0.2.57,198.51.100.7,203.0.113.2,198.51.100.7,allow-out,corp\\jdoe,,ssl,vsys1,trust,untrust,ethernet1/2,ethernet1/1,fwd,2026/02/10 10:05:03,571395,1,50012,443,31433,443,0x400053,tcp,allow,8232,3034,5198,27,2026/02/10 10:04:33,15,\"any, other\",,6963421234,0x8000000000000000,10.0.0.0-10.255.255.255,United States,,14,13,tcp-fin,0,0,0,0,,PA-VM,from-policy,,,0,,0,,N/A,0,0,0,0,4f5b8a1e-0f0e-4b6b-8d2e-0b7b0f3f6c11,0,0,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,2026-02-10T10:05:04.123+00:00,,,encrypted-tunnel,networking,browser-based,4,\"used-by-malware,able-to-transfer-file\",,ssl,no,no,0",
        115,
        &[
            "receive_time: timestamp[ms, no zone]",
            "serial_number: text",
            "type: text",
            "source_address: text",
            "bytes: int64",
            "start_time: timestamp[ms, no zone]",
            "category: text",
            "high_resolution_timestamp: timestamp[ms, UTC]",
            "application_risk: int64",
            "offloaded: int64",
        ],
    ),
    (
        "1,2026/02/10 10:05:03,012801096514,THREAT,url,2561,2026/02/10 10:05:03,192.0.2.57,198.51.100.7,203.0.113.2,198.51.100.7,allow-out,,,web-browsing,vsys1,trust,untrust,ethernet1/2,ethernet1/1,fwd,2026/02/10 10:05:03,571395,1,50012,80,31433,80,0x40b000,tcp,alert,\"www.example.com/a,b\",(9999),business,informational,client-to-server,6963421235,0x2000000000000000,10.0.0.0-10.255.255.255,United States,0,text/html,0,,,1,\"curl/8.0\",,,,,,,0,0,0,0,0,,PA-VM,,,,get,0,,0,,N/A,unknown,AppThreat-8000-1,0x0,0,4294967295,,\"business,low-risk\",4f5b8a1e-0f0e-4b6b-8d2e-0b7b0f3f6c11,0",
        78,
        &[
            "url_filename: text",
            "threat_id: text",
            "session_id: int64",
            "url_index: int64",
            "http_2_connection: int64",
        ],
    ),
    (
        "2026-02-10T23:39:43.945958Z my-loadbalancer 192.0.2.39:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 29 \"GET http://www.example.com:80/ HTTP/1.1\" \"curl/7.38.0\" - -",
        15,
        &[
            "timestamp: timestamp[us, UTC]",
            "client_port: text",
            "elb_status_code: int64",
            "sent_bytes: int64",
            "request: text",
        ],
    ),
    (
        "http 2026-02-10T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.0.2.39:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 \"GET http://www.example.com:80/ HTTP/1.1\" \"curl/7.46.0\" - - arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067 \"Root=1-58337262-36d228ad5d99923122bbe354\" \"-\" \"-\" 0 2026-02-10T22:22:48.364000Z \"forward\" \"-\" \"-\" \"10.0.0.1:80\" \"200\" \"-\" \"-\" TID_1234abcd5678ef90",
        30,
        &[
            "time: timestamp[us, UTC]",
            "target_status_code: int64",
            "request_creation_time: timestamp[us, UTC]",
            "conn_trace_id: text",
        ],
    ),
    (
        "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK",
        14,
        &[
            "version: int64",
            "account_id: int64",
            "srcaddr: text",
            "dstport: int64",
            "start: timestamp[ms, UTC]",
            "action: text",
        ],
    ),
    (
        "2026-02-10 10:05:03 192.0.2.1 GET /index.html - 443 - 198.51.100.9 Mozilla/5.0+(Windows+NT+10.0) - 200 0 0 15",
        15,
        &["date: date", "time: time[us]", "s_port: int64", "sc_status: int64", "time_taken: int64"],
    ),
    (
        "1770717903.450    683 192.0.2.68 TCP_MISS/200 507 POST http://example.com/services - DIRECT/198.51.100.1 application/xml",
        10,
        &[
            "time: timestamp[ms, UTC]",
            "elapsed: int64",
            "code_status: text",
            "bytes: int64",
            "url: text",
            "type: text",
        ],
    ),
    (
        "2026-02-10 10:00:00.123 UTC,\"app\",\"db\",2441,\"192.0.2.1:5432\",65ca.0,1,\"SELECT\",2026-02-10 10:00:00 UTC,3/1,0,LOG,00000,\"duration: 1 ms, \"\"x\"\"\",,,,,,,,,\"psql\",\"client backend\"",
        24,
        &[
            "log_time: timestamp[ms, UTC]",
            "user_name: text",
            "process_id: int64",
            "session_start_time: timestamp[ms, UTC]",
            "error_severity: text",
            "message: text",
            "backend_type: text",
        ],
    ),
    (
        "192.0.2.1:33317 [06/Feb/2026:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 \"GET /index.html HTTP/1.1\"",
        13,
        &[
            "client: text",
            "backend_server: text",
            "status: int64",
            "bytes: int64",
            "queues: text",
            "request: text",
        ],
    ),
    (
        "192.0.2.1:33317 [06/Feb/2026:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {example.com|curl/8} {} \"GET /index.html HTTP/1.1\"",
        15,
        &["status: int64", "request_headers: text", "response_headers: text", "request: text"],
    ),
    (
        "192.0.2.1:33313 [06/Feb/2026:12:12:51.443] fnt bck/srv1 0/0/5007 212 -- 0/0/0/0/3 0/0",
        9,
        &["accept_date: timestamp[ms, no zone]", "backend_server: text", "bytes: int64", "queues: text"],
    ),
    (
        "79a5 bucket1 [06/Feb/2026:00:00:38 +0000] 192.0.2.3 79a5 3E57427F REST.GET.OBJECT a/b%20c \"GET /bucket1/a/b%20c HTTP/1.1\" 200 - 113 4406583 41754 28 \"-\" \"S3Console/0.4 [x]\" - s9lzHYrFp76= SigV4 ECDHE-RSA-AES128-GCM-SHA256 AuthHeader bucket1.s3.us-west-1.amazonaws.com TLSv1.2 - Yes",
        26,
        &[
            "time: timestamp[ms, UTC]",
            "request_uri: text",
            "http_status: int64",
            "object_size: int64",
            "user_agent: text",
            "acl_required: text",
        ],
    ),
    (
        "[2026-03-01T12:00:03.123Z] \"GET /a/0 HTTP/1.1\" 200 - 0 12 5 4 \"-\" \"curl/8\" \"id0\" \"host\" \"192.0.2.1:80\"",
        13,
        &["start_time: timestamp[ms, UTC]", "response_code: int64", "duration: int64", "upstream_host: text"],
    ),
    (
        "[2026-03-01T12:00:03.123Z] \"GET /a HTTP/1.1\" 418 - via_upstream - \"-\" 0 135 4 4 \"-\" \"curl/7\" \"84961386\" \"httpbin:8000\" \"192.0.2.1:80\" inbound|8000|| 127.0.0.6:41854 192.0.2.2:80 192.0.2.3:37652 outbound_.8000_._.httpbin default",
        22,
        &[
            "start_time: timestamp[ms, UTC]",
            "response_code_details: text",
            "bytes_sent: int64",
            "route_name: text",
        ],
    ),
];

fn block(records: &[&str]) -> RecordBlock {
    let mut block = RecordBlock::default();
    for record in records {
        block.push(record.as_bytes());
    }
    block
}

fn schema(shape: &Shape, records: &RecordBlock) -> TableSchema {
    let mut observer = Observer::new(shape, Origin::Events);
    observer.observe(records);
    let observed = observer.finish();
    assert_eq!(observed.rows, records.len() as u64);
    let mut schema = TableSchema::new(shape.clone());
    schema.settle(&observed.columns);
    schema
}

fn dialect(shape: &Shape) -> &CsvDialect {
    let Body::Csv(dialect) = &shape.body else { panic!("{shape}") };
    dialect
}

#[test]
fn every_data_file_is_sound() {
    for text in LAYOUTS {
        let layout = Layout::parse(text).expect(text);
        let mut names = layout.dialect.columns.clone();
        assert!(!layout.name.is_empty() && !layout.tests.is_empty(), "{}", layout.name);
        assert!(names.len() >= *layout.fields.start(), "{}", layout.name);
        names.sort();
        names.dedup();
        assert_eq!(names.len(), layout.dialect.columns.len(), "{}", layout.name);
    }
}

#[test]
fn samples_get_their_vendors_names() {
    for (line, columns, want) in SAMPLES {
        let records = block(&[line, line]);
        let shape = recognise(&records);
        assert_eq!(shape.envelope, None, "{line}");
        assert_eq!(dialect(&shape).columns.len(), columns, "{line}");
        let schema = schema(&shape, &records);
        for want in want {
            let has =
                schema.columns.iter().any(|column| format!("{}: {}", column.name, column.kind) == *want);
            assert!(has, "{want} is not in {:#?}", schema.columns);
        }
        let text = recognise_text(format!("{line}\n{line}\n").as_bytes(), true);
        assert_eq!(text.shape, shape, "{line}");
    }
}

#[test]
fn firewalls_send_theirs_in_syslog() {
    let (line, columns, _) = SAMPLES[0];
    let records = [
        format!("<14>Feb 10 10:05:03 PA-VM {line}"),
        format!("<14>1 2026-02-10T10:05:03Z PA-VM - - - - {line}"),
    ];
    for (record, envelope) in records.iter().zip([Envelope::Syslog3164, Envelope::Syslog5424]) {
        let shape = recognise(&block(&[record]));
        assert_eq!(shape.envelope, Some(envelope), "{record}");
        assert_eq!(dialect(&shape).columns.len(), columns);
        let schema = schema(&shape, &block(&[record]));
        assert!(schema.columns.iter().any(|column| column.name == "session_end_reason"));
    }
}

#[test]
fn other_rows_keep_their_own_names() {
    let header = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status";
    let text = format!("{header}\n{0}\n{0}\n", SAMPLES[4].0);
    let shape = recognise_text(text.as_bytes(), true).shape;
    assert!(dialect(&shape).header && dialect(&shape).columns[1] == "account-id");
    let firewall = SAMPLES[0].0;
    let names: Vec<String> = (0..SAMPLES[0].1).map(|place| format!("Name {place}")).collect();
    let text = format!("{}\n{firewall}\n{}\n", names.join(","), vec![firewall; 20].join("\n"));
    let shape = recognise_text(text.as_bytes(), true).shape;
    assert!(dialect(&shape).header && dialect(&shape).columns[1] == "Name 1");
    assert_eq!(dialect_of(&[b"1,2,3", b"a b c", b""], false), None);
    assert_eq!(dialect_of(&[], true), None);
}

#[test]
fn behind_an_envelope_half_of_the_bodies_are_enough_where_none_is_read_like_them() {
    let vpc: &[u8] =
        b"2 123456789010 eni-1a 192.0.2.5 192.0.2.6 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK";
    let (other, alike): (&[u8], &[u8]) = (b"the flow log starts", b"a b c d e f g h i j k l m n");
    let count =
        |records: &[&[u8]], enveloped| dialect_of(records, enveloped).map(|found| found.columns.len());
    assert_eq!(count(&[vpc, vpc, other], true), Some(14));
    assert_eq!(count(&[vpc, vpc, other], false), None);
    assert_eq!(count(&[vpc, vpc, alike], true), None);
    assert_eq!(count(&[vpc, other, other], true), None);
}
