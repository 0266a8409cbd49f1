//! The index file: an index on disk, so that starting does not mean indexing.
//!
//! All numbers are little-endian. A header of 32 bytes: the magic, the format version (u32), the number of
//! sections (u32), the caller's mark (u64), the CRC-32C of these 24 bytes (u32), zero (u32). Then the sections in
//! a fixed order, each with its name (8 bytes), the length of its content (u64), the CRC-32C of the name, the
//! length and the content (u32), zero (u32), and the content.
//!
//! The checksums are what guards the dictionaries, which `fst` does not check further.

use std::io::{self, Write};

use bytes::{Buf, Bytes};

use crate::dictionary::Dictionary;
use crate::index::Index;
use crate::labels::{Fields, Labels};
use crate::lexicon::Lexicon;
use crate::ranks::Ranks;
use crate::segment::{Aliases, Segment};

const MAGIC: &[u8; 8] = b"HWINDEX\n";
/// Grows when what is written, or how texts are split, changes.
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 32;
const SECTION_HEADER_BYTES: usize = 24;

const RANKS: [&str; 3] = ["keys", "bykey", "lengths"];
/// Dictionary, offsets, records.
const NAMES: [&str; 3] = ["nam.dict", "nam.off", "nam.rec"];
const DESCRIPTIONS: [&str; 3] = ["des.dict", "des.off", "des.rec"];
const LABEL_TERMS: [&str; 3] = ["lab.dict", "lab.off", "lab.rec"];
/// Texts, their ends, where the namespaces end, offsets of the lists, lists.
const LABELS: [&str; 5] = ["lab.text", "lab.end", "lab.ns", "lab.loff", "lab.list"];
/// Offsets and lists of the fields of each document.
const FIELDS: [&str; 2] = ["fld.off", "fld.list"];
/// Documents, how many aliases each has, the lengths of the aliases, the aliases.
const ALIASES: [&str; 4] = ["ali.doc", "ali.num", "ali.len", "ali.text"];
const SECTIONS_COUNT: u32 = (RANKS.len()
    + NAMES.len()
    + DESCRIPTIONS.len()
    + LABEL_TERMS.len()
    + LABELS.len()
    + FIELDS.len()
    + ALIASES.len()) as u32;

/// Why an index file was not read. The file can be made again from the names.
#[derive(Debug, thiserror::Error)]
pub enum IndexFileError {
    /// It is no index file, or one of another version.
    #[error("index file: this is not an index file of version {VERSION}")]
    Unknown,
    /// What is there is not what was written.
    #[error("index file: section {section:?} is damaged: {problem}")]
    Damaged {
        /// The section's name; `header` for what comes before the first.
        section: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

fn damaged(section: &'static str, problem: &'static str) -> IndexFileError {
    IndexFileError::Damaged { section, problem }
}

impl Index {
    /// Writes the index, compacted, and a mark of the caller's (the log offset that it stands for).
    ///
    /// # Errors
    /// What `out` returns. Writing is not buffered: sections are written whole.
    pub fn write_to(&self, mark: u64, mut out: impl Write) -> io::Result<()> {
        let Some(segment) = self.packed() else {
            return self.compact().index().write_to(mark, out);
        };
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&VERSION.to_le_bytes());
        header.extend_from_slice(&SECTIONS_COUNT.to_le_bytes());
        header.extend_from_slice(&mark.to_le_bytes());
        let crc = crc32c::crc32c(&header);
        header.extend_from_slice(&u64::from(crc).to_le_bytes());
        out.write_all(&header)?;

        let Segment {
            ranks,
            names,
            descriptions,
            labels,
            aliases,
        } = segment;
        let lengths = ranks
            .lengths
            .iter()
            .flat_map(|(length, first)| [u32::from(*length), *first]);
        let lengths: Vec<u32> = lengths.collect();
        for (name, column) in RANKS.iter().zip([&ranks.keys, &ranks.by_key, &lengths]) {
            write_section(&mut out, name, &numbers(column))?;
        }
        write_lexicon(&mut out, NAMES, names)?;
        write_lexicon(&mut out, DESCRIPTIONS, descriptions)?;
        let [text, ends, namespaces, offsets, lists] = LABELS;
        write_section(&mut out, text, &labels.text)?;
        write_section(&mut out, ends, &numbers(&labels.ends))?;
        write_section(&mut out, namespaces, &numbers(&[labels.namespaces_count]))?;
        write_section(&mut out, offsets, &numbers(&labels.offsets))?;
        write_section(&mut out, lists, &labels.records)?;
        write_lexicon(&mut out, LABEL_TERMS, &labels.lexicon)?;
        write_section(&mut out, FIELDS[0], &numbers(&labels.fields.offsets))?;
        write_section(&mut out, FIELDS[1], &labels.fields.records)?;
        let [documents, counts, lengths, text] = ALIASES;
        let texts = || aliases.texts.iter().flatten();
        let counted: Vec<u32> = aliases
            .texts
            .iter()
            .map(|texts| texts.len() as u32)
            .collect();
        let measured: Vec<u32> = texts().map(|text| text.len() as u32).collect();
        let joined: Vec<u8> = texts().flat_map(|text| text.bytes()).collect();
        write_section(&mut out, documents, &numbers(&aliases.documents))?;
        write_section(&mut out, counts, &numbers(&counted))?;
        write_section(&mut out, lengths, &numbers(&measured))?;
        write_section(&mut out, text, &joined)
    }

    /// Reads an index file that is in memory: the index, and the caller's mark. The index keeps the bytes and reads
    /// its lists and dictionaries in them.
    ///
    /// # Errors
    /// [`IndexFileError`]; it says what is wrong.
    pub fn read_from(bytes: impl Into<Bytes>) -> Result<(Self, u64), IndexFileError> {
        let mut rest: Bytes = bytes.into();
        let mark = read_header(&mut rest)?;
        let mut sections = Sections { rest };
        let ranks = read_ranks(&mut sections)?;
        let documents_count = ranks.len();
        let names = read_lexicon(NAMES, &mut sections, documents_count)?;
        let descriptions = read_lexicon(DESCRIPTIONS, &mut sections, documents_count)?;
        let labels = read_labels(&mut sections, documents_count)?;
        let aliases = read_aliases(&mut sections, documents_count)?;
        if !sections.rest.is_empty() {
            return Err(damaged(ALIASES[3], "bytes after the last section"));
        }
        let index = Self::of_segment(Segment {
            ranks,
            names,
            descriptions,
            labels,
            aliases,
        });
        Ok((index, mark))
    }
}

fn numbers(column: &[u32]) -> Vec<u8> {
    column
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

fn section_header(name: &str, content: &[u8]) -> [u8; SECTION_HEADER_BYTES] {
    let mut header = [0; SECTION_HEADER_BYTES];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[8..16].copy_from_slice(&(content.len() as u64).to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&header[..16]), content);
    header[16..20].copy_from_slice(&crc.to_le_bytes());
    header
}

fn write_section(out: &mut impl Write, name: &str, content: &[u8]) -> io::Result<()> {
    out.write_all(&section_header(name, content))?;
    out.write_all(content)
}

fn write_lexicon(out: &mut impl Write, names: [&str; 3], lexicon: &Lexicon) -> io::Result<()> {
    let [dictionary, offsets, records] = names;
    let bytes = lexicon.dictionary.bytes();
    write_section(
        out,
        dictionary,
        bytes.expect("a packed segment has transducers"),
    )?;
    write_section(out, offsets, &numbers(&lexicon.offsets))?;
    write_section(out, records, &lexicon.records)
}

fn read_header(rest: &mut Bytes) -> Result<u64, IndexFileError> {
    if !rest.starts_with(MAGIC) {
        return Err(IndexFileError::Unknown);
    }
    if rest.len() < HEADER_BYTES {
        return Err(damaged("header", "it is cut off"));
    }
    let mut header = rest.split_to(HEADER_BYTES);
    let crc = crc32c::crc32c(&header[..24]);
    header.advance(MAGIC.len());
    let (version, sections) = (header.get_u32_le(), header.get_u32_le());
    let (mark, stated) = (header.get_u64_le(), header.get_u64_le());
    if stated != u64::from(crc) {
        return Err(damaged("header", "its checksum does not match"));
    }
    if version != VERSION || sections != SECTIONS_COUNT {
        return Err(IndexFileError::Unknown);
    }
    Ok(mark)
}

struct Sections {
    rest: Bytes,
}

impl Sections {
    /// The content of the next section, which is called `name`.
    fn next(&mut self, name: &'static str) -> Result<Bytes, IndexFileError> {
        let cut_off = || damaged(name, "it is cut off");
        if self.rest.len() < SECTION_HEADER_BYTES {
            return Err(cut_off());
        }
        let header = self.rest.split_to(SECTION_HEADER_BYTES);
        let len = usize::try_from((&header[8..16]).get_u64_le()).unwrap_or(usize::MAX);
        if self.rest.len() < len {
            return Err(cut_off());
        }
        let content = self.rest.split_to(len);
        if section_header(name, &content) != *header {
            return Err(damaged(name, "its checksum does not match"));
        }
        Ok(content)
    }

    fn numbers(&mut self, name: &'static str) -> Result<Vec<u32>, IndexFileError> {
        let content = self.next(name)?;
        let (words, odd) = content.as_chunks::<4>();
        if !odd.is_empty() {
            return Err(damaged(name, "its length is not a multiple of four"));
        }
        Ok(words.iter().map(|word| u32::from_le_bytes(*word)).collect())
    }

    /// Places that start at 0, one not before the other.
    fn offsets(&mut self, name: &'static str) -> Result<Vec<u32>, IndexFileError> {
        let offsets = self.numbers(name)?;
        if offsets.first() == Some(&0) && offsets.is_sorted() {
            Ok(offsets)
        } else {
            Err(damaged(name, "its places are not in order"))
        }
    }
}

fn read_ranks(sections: &mut Sections) -> Result<Ranks, IndexFileError> {
    let [keys, by_key, lengths] = RANKS;
    let (keys, by_key) = (sections.numbers(keys)?, sections.numbers(by_key)?);
    let spans = sections.numbers(lengths)?;
    let (pairs, odd) = spans.as_chunks::<2>();
    let pairs = pairs
        .iter()
        .map(|[length, first]| Some((u16::try_from(*length).ok()?, *first)));
    let ranks = pairs.collect::<Option<Vec<_>>>().map(|lengths| Ranks {
        keys,
        by_key,
        lengths,
    });
    ranks
        .filter(|ranks| odd.is_empty() && ranks.is_sound())
        .ok_or(damaged(lengths, "it does not fit the keys"))
}

fn read_lexicon(
    names: [&'static str; 3],
    sections: &mut Sections,
    bound: u32,
) -> Result<Lexicon, IndexFileError> {
    let [dictionary, offsets, records] = names;
    let bytes = sections.next(dictionary)?;
    let read =
        Dictionary::of_bytes(bytes).map_err(|_| damaged(dictionary, "it is not a dictionary"))?;
    let places = sections.offsets(offsets)?;
    let content = sections.next(records)?;
    let ends_well = places.last().map(|end| *end as usize) == Some(content.len());
    if !ends_well || places.len() != read.len() + 1 {
        return Err(damaged(
            offsets,
            "it does not fit the dictionary and the records",
        ));
    }
    Ok(Lexicon {
        dictionary: read,
        offsets: places,
        records: content,
        bound,
    })
}

fn read_labels(sections: &mut Sections, bound: u32) -> Result<Labels, IndexFileError> {
    let [text_name, ends_name, namespaces, offsets_name, lists] = LABELS;
    let text = sections.next(text_name)?;
    let ends = sections.numbers(ends_name)?;
    let namespaces_count = sections.numbers(namespaces)?;
    let offsets = sections.offsets(offsets_name)?;
    let records = sections.next(lists)?;
    let texts = std::str::from_utf8(&text).map_err(|_| damaged(text_name, "it is not UTF-8"))?;
    let is_sound = ends.is_sorted()
        && ends.last().map_or(0, |end| *end as usize) == texts.len()
        && ends.iter().all(|end| texts.is_char_boundary(*end as usize));
    if !is_sound {
        return Err(damaged(ends_name, "it does not fit the texts"));
    }
    let namespaces_count = match namespaces_count.as_slice() {
        [count] if *count as usize <= ends.len() => *count,
        _ => return Err(damaged(namespaces, "there are not as many labels")),
    };
    let ends_well = offsets.last().map(|end| *end as usize) == Some(records.len());
    if !ends_well || offsets.len() != ends.len() + 1 {
        return Err(damaged(
            offsets_name,
            "it does not fit the texts and the lists",
        ));
    }
    let lexicon = read_lexicon(LABEL_TERMS, sections, ends.len() as u32)?;
    let fields = Fields {
        offsets: sections.offsets(FIELDS[0])?,
        records: sections.next(FIELDS[1])?,
    };
    let ends_well = fields.offsets.last().map(|end| *end as usize) == Some(fields.records.len());
    if !ends_well || fields.offsets.len() != bound as usize + 1 {
        return Err(damaged(
            FIELDS[0],
            "it does not fit the documents and the lists",
        ));
    }
    Ok(Labels {
        text,
        ends,
        namespaces_count,
        offsets,
        records,
        lexicon,
        bound,
        fields,
    })
}

fn read_aliases(sections: &mut Sections, bound: u32) -> Result<Aliases, IndexFileError> {
    let [documents_name, counts, lengths, text] = ALIASES;
    let documents = sections.numbers(documents_name)?;
    let (counts, measured) = (sections.numbers(counts)?, sections.numbers(lengths)?);
    let content = sections.next(text)?;
    let is_sorted = documents.is_sorted_by(|a, b| a < b);
    if !is_sorted
        || documents.last().is_some_and(|last| *last >= bound)
        || counts.len() != documents.len()
    {
        return Err(damaged(documents_name, "its documents are not in order"));
    }
    let joined =
        std::str::from_utf8(&content).map_err(|_| damaged(text, "an alias is not UTF-8"))?;
    let mut rest = joined;
    let mut all = Vec::with_capacity(measured.len());
    for length in measured {
        let (alias, after) = rest
            .split_at_checked(length as usize)
            .ok_or(damaged(lengths, "it does not fit the aliases"))?;
        all.push(Box::<str>::from(alias));
        rest = after;
    }
    let counted: u64 = counts.iter().map(|count| u64::from(*count)).sum();
    if !rest.is_empty() || counted != all.len() as u64 {
        return Err(damaged(lengths, "it does not fit the aliases"));
    }
    let mut all = all.into_iter();
    let texts = counts
        .iter()
        .map(|count| all.by_ref().take(*count as usize).collect());
    Ok(Aliases {
        documents,
        texts: texts.collect(),
    })
}
