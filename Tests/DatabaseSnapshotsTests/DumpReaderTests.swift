import Foundation
import SystemPackage
import Testing

@testable import DatabaseSnapshots

/// The same numbers each time (SplitMix64).
private struct Numbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

/// Dumps as text in a test, and their rows as text.
@Suite struct DumpReaderTests {
  static let my = "-- MySQL dump 10.13\n"
  static let myEnd = "\n-- Dump completed on 2026-01-01\n"
  static let pg = "--\n-- PostgreSQL database dump\n--\n"
  static let pgEnd = "\n--\n-- PostgreSQL database dump complete\n--\n"
  static let lite = "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n"
  static let liteEnd = "COMMIT;\n"

  struct Answer: Equatable {
    var rows: [[String?]] = []
    var faults: [SnapshotFault] = []
  }

  /// Reads the table t with the columns a, b and c, which are also its known order.
  static func read(_ dump: [UInt8], columns: [String] = ["a", "b", "c"]) throws -> Answer {
    let folder = try TemporaryFolder()
    let reader = try SnapshotReader(try folder.write("dump.sql", dump))
    var answer = Answer()
    let outcome = try reader.read(
      wanted: { $0 == "t" ? WantedTable(columns: columns, knownOrders: [["a", "b", "c"]]) : nil },
      rows: { batch in
        for row in 0..<batch.count { answer.rows.append((0..<batch.width).map { batch.text(row, $0) }) }
      })
    answer.faults = outcome.faults
    return answer
  }

  static func mysql(_ body: String) throws -> Answer { try read([UInt8]((my + body + myEnd).utf8)) }
  static func postgresql(_ body: String) throws -> Answer { try read([UInt8]((pg + body + pgEnd).utf8)) }
  static func sqlite(_ body: String) throws -> Answer { try read([UInt8]((lite + body + liteEnd).utf8)) }

  @Test(arguments: [
    (#"'a\\b\'c\"d\ne\rf\tg\0h\Zi\%j\_k\qbe''l'"#, "a\\b'c\"d\ne\rf\tg\0h\u{1a}i\\%j\\_kqbe'l"),
    (#"''"#, ""), (#"'\\'"#, "\\"), (#"'\\\''"#, "\\'"), (#"''''"#, "'"), (#"'),(2,\'x'"#, "),(2,'x"),
    (#"'-- no comment /* nor this */ ;'"#, "-- no comment /* nor this */ ;"),
    ("0x41E282AC", "A€"), ("_binary 'x'", "x"), ("_binary 0x41", "A"), ("X'4142'", "AB"), ("_utf8mb4'ä'", "ä"),
    ("-12", "-12"), ("1.5e3", "1.5e3"), ("NULL", nil), ("'NULL'", "NULL"), ("b'101'", "5"),
    ("18446744073709551615", "18446744073709551615"),
    ("-9223372036854775808", "-9223372036854775808"), ("_latin1'ä'", "Ã¤"),
  ])
  func valuesOfMySQL(literal: String, expected: String?) throws {
    for form in ["INSERT INTO `t` VALUES (1,\(literal),3);", "REPLACE INTO t VALUES\n( 1 , \(literal) , 3 ) ;"] {
      let answer = try Self.mysql(form)
      #expect(answer == Answer(rows: [["1", expected, "3"]]), "\(form)")
    }
  }

  @Test(arguments: [
    ("'a''b\\n'", "a'b\\n"), ("E'a\\nb\\\\c\\'d\\x41\\101\\u00e4'", "a\nb\\c'dAAä"), ("'x'::text", "x"),
    ("'x'::character varying(64)", "x"), ("true", "1"), ("NULL", nil), ("-3", "-3"), ("'\\'", "\\"),
  ])
  func valuesOfPostgreSQL(literal: String, expected: String?) throws {
    let answer = try Self.postgresql("INSERT INTO public.t VALUES (1, \(literal), 3), (4, \(literal), 6);")
    #expect(answer == Answer(rows: [["1", expected, "3"], ["4", expected, "6"]]))
  }

  @Test func backslashesEscapeWithoutStandardStrings() throws {
    let answer = try Self.postgresql(
      "SET standard_conforming_strings = off;\nINSERT INTO t VALUES (1, 'a\\\\b\\'', 3);")
    #expect(answer == Answer(rows: [["1", "a\\b'", "3"]]))
  }

  @Test(arguments: [
    ("'it''s \\'", "it's \\"), ("X'c3a4'", "ä"), ("replace('a\\nb','\\n',char(10))", "a\nb"),
    ("replace(replace('a\\r\\nb','\\r',char(13)),'\\n',char(10))", "a\r\nb"), ("unistr('a\\u000ab\\\\')", "a\nb\\"),
    ("'a'||char(10)||'b'", "a\nb"), ("CAST(X'41' AS TEXT)", "A"), ("1e999", "1e999"),
  ])
  func valuesOfSQLite(literal: String, expected: String) throws {
    #expect(try Self.sqlite("INSERT INTO t VALUES(1,\(literal),3);\n") == Answer(rows: [["1", expected, "3"]]))
  }

  @Test(
    arguments: [
      ("1\ttwo\\tx\\\\\\n\t3", ["1", "two\tx\\\n", "3"]), ("\\N\t\\\\N\t", [nil, "\\N", ""]),
      ("1\t\\x41\\101\\q\t3\r", ["1", "AAq", "3"]),
    ] as [(String, [String?])])
  func linesOfCopy(line: String, expected: [String?]) throws {
    let answer = try Self.postgresql("COPY public.t (a, b, c) FROM stdin;\n\(line)\n\\.\n\nSELECT 1;")
    #expect(answer == Answer(rows: [expected]))
  }

  @Test func columnsAreTakenByName() throws {
    let expected = Answer(rows: [["1", "2", "3"]])
    let create =
      "CREATE TABLE `t` (\n `c` int, KEY `a` (`c`),\n `x` decimal(3,1) DEFAULT '),(', `b` int, `A` int, PRIMARY KEY (`c`));\n"
    #expect(try Self.mysql(create + "INSERT INTO `t` VALUES (3,0,2,1);") == expected)
    #expect(try Self.mysql("INSERT IGNORE INTO `db`.`t` (`b`,`zz`,`c`,`a`) VALUES (2,9,3,1);") == expected)
    #expect(try Self.mysql("INSERT INTO \"t\" VALUES (1,2,3);") == expected)
    #expect(try Self.postgresql("COPY t (c, \"b\", a) FROM stdin;\n3\t2\t1\n\\.\n") == expected)
    #expect(
      try Self.postgresql("INSERT INTO t (a, b, c) OVERRIDING SYSTEM VALUE VALUES (1, 2, 3) ON CONFLICT DO NOTHING;")
        == expected)
    // A column may have the name of a keyword, which only MySQL puts before a list.
    let key = "CREATE TABLE public.t (\n    key text,\n    b text,\n    a text,\n    CONSTRAINT x CHECK ((a > 1))\n);\n"
    let answer = try Self.read(
      [UInt8]((Self.pg + key + "INSERT INTO public.t VALUES (7, 2, 1);" + Self.pgEnd).utf8), columns: ["key", "a"])
    #expect(answer == Answer(rows: [["7", "1"]]))
  }

  @Test func columnsThatNobodyKnowsAreSaid() throws {
    let answer = try Self.mysql("INSERT INTO t VALUES (1,2),(3,4);")
    #expect(answer == Answer(faults: [.unknownColumns(table: "t", count: 2)]))
  }

  @Test func whatNobodyAskedForIsPassedOver() throws {
    let noise = """
      DELIMITER ;;
      CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN INSERT INTO t VALUES (0,0,0); END ;;
      DELIMITER ;
      /*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER y */;
      LOCK TABLES `t` WRITE;
      INSERT INTO `other` VALUES (1,'INSERT INTO t VALUES (9,9,9);\\'; INSERT INTO t VALUES (8,8,8);'),(2,"x;");
      # INSERT INTO t VALUES (7,7,7);
      -- INSERT INTO t VALUES (6,6,6);
      SELECT "a\\";INSERT INTO t VALUES (5,5,5);";
      """
    #expect(try Self.mysql(noise + "\nINSERT INTO t VALUES (1,2,3);") == Answer(rows: [["1", "2", "3"]]))
    let functions = """
      \\restrict abc
      CREATE FUNCTION f() RETURNS void AS $body$ BEGIN; INSERT INTO t VALUES (9,9,9); $x$ END; $body$ LANGUAGE sql;
      COPY public.other (a) FROM stdin;
      INSERT INTO t VALUES (8,8,8);
      \\\\.
      \\.
      COMMENT ON TABLE t IS E'a\\';INSERT INTO t VALUES (7,7,7);';
      """
    #expect(try Self.postgresql(functions + "\nINSERT INTO t VALUES (1,2,3);") == Answer(rows: [["1", "2", "3"]]))
    let trigger = "CREATE TRIGGER x AFTER INSERT ON o BEGIN INSERT INTO t VALUES(9,9,9); SELECT 1; END;\n"
    #expect(try Self.sqlite(trigger + "INSERT INTO t VALUES(1,2,3);\n") == Answer(rows: [["1", "2", "3"]]))
  }

  @Test func aSecondDatabaseIsNotMixedIn() throws {
    let two = "USE `one`;\nINSERT INTO t VALUES (1,2,3);\nUSE `two`;\nINSERT INTO t VALUES (4,5,6);"
    #expect(try Self.mysql(two) == Answer(rows: [["1", "2", "3"]], faults: [.severalSchemas(["one", "two"])]))
    let schema = "COPY cloud.t (a, b, c) FROM stdin;\n1\t2\t3\n\\.\n"
    #expect(try Self.postgresql(schema) == Answer(rows: [["1", "2", "3"]]))
    let path = "SET search_path = cloud, pg_catalog;\nCOPY t (a, b, c) FROM stdin;\n1\t2\t3\n\\.\n"
    #expect(try Self.postgresql(path) == Answer(rows: [["1", "2", "3"]]))
  }

  @Test(arguments: ["(1,2)", "(1,2,3,4)", "(1,foo(2),3)", "(1,'x' 'y',3)", "(1,,3)", "(1,0xZZ,3)", "(1,((((2,3)"])
  func aRowThatIsNoneIsCounted(row: String) throws {
    let create = "CREATE TABLE `t` (`a` int, `b` int, `c` int);\n"
    let answer = try Self.mysql(create + "INSERT INTO t VALUES (1,2,3),\(row);\nINSERT INTO t VALUES (4,5,6);")
    #expect(
      answer == Answer(rows: [["1", "2", "3"], ["4", "5", "6"]], faults: [.unreadable(table: "t", count: 1)]))
  }

  @Test func valuesLongerThanAnyBufferAreRead() throws {
    let long = String(repeating: "\\\\x''y", count: 1_000_000)
    let other = String(repeating: "\\'", count: 2_000_000)
    let dump = "INSERT INTO other VALUES ('\(other)');\nINSERT INTO t VALUES (1,'\(long)',3);"
    let answer = try Self.mysql(dump)
    #expect(answer.rows.count == 1 && answer.rows.first?[1]?.utf8.count == 4_000_000 && answer.faults.isEmpty)
  }

  @Test func everyCutOfADumpIsSaid() throws {
    let whole = Array(
      (Self.my + "CREATE TABLE `t` (`a` int,`b` text,`c` int);\n"
        + "INSERT INTO t VALUES (1,'it\\'s''; x',3),\n(4,NULL,0x41);\n/* done */\n" + "-- Dump completed").utf8)
    for count in Self.my.utf8.count..<whole.count {
      let answer = try Self.read(Array(whole[..<count]))
      #expect(!answer.faults.isEmpty, "\(count)")
      #expect(answer.rows.count <= 2)
    }
    #expect(try Self.read(whole).faults.isEmpty)
  }

  @Test func whatSQLiteSaysOfItsErrorsIsSaid() throws {
    let dump = Self.lite + "INSERT INTO t VALUES(1,2,3);\n/****** ERROR: database disk image is malformed *******/\n"
    let answer = try Self.read([UInt8]((dump + "ROLLBACK; -- due to errors\n").utf8))
    #expect(answer.rows == [["1", "2", "3"]])
    #expect(answer.faults == [.damaged("the dump says of itself that it ran into errors")])
  }

  /// Bytes changed at random: no crash, and no more rows than there can be.
  @Test(arguments: ["nc32-mariadb-master/db.mysql-hexblob-ansi.sql", "nc32-pgsql-master/db.pg-inserts.sql"])
  func mutatedDumpsAreRead(name: String) throws {
    let whole = try [UInt8](Data(contentsOf: Self.instances.appending(path: name)))
    var random = Numbers(state: 20_261_123)
    let start = 1000
    for _ in 0..<60 {
      let length = Int.random(in: 500...4000, using: &random)
      let from = Int.random(in: start..<(whole.count - length), using: &random)
      var piece = Array(whole[..<start]) + whole[from..<(from + length)]
      for _ in 0..<Int.random(in: 1...20, using: &random) {
        let marks = Array("'\"`\\;,()/*-$E0x\n\t.\0".utf8) + [0xff]
        piece[Int.random(in: start..<piece.count, using: &random)] = marks.randomElement(using: &random) ?? 0
      }
      let folder = try TemporaryFolder()
      let path = try folder.write("dump.sql", piece)
      guard let reader = try? SnapshotReader(path) else { continue }
      var rows = 0
      _ = try? reader.read(
        wanted: { _ in WantedTable(columns: ["fileid", "path"], knownOrders: [["fileid", "path"]]) },
        rows: { rows += $0.count })
      #expect(rows <= piece.count)
    }
  }

  static let instances = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Vectors/instances")
}
