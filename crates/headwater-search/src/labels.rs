//! Texts that many documents share: namespaces and the names of fields.

use bytes::Bytes;

use crate::lexicon::{Gathered, Lexicon, Place};
use crate::postings::{List, Numbers, gaps, put_gaps, put_list};
use crate::text::{Reader, bounded_name};

/// Each distinct text with the documents that have it, and a lexicon of the texts.
///
/// Numbers are in the order of the texts, those of namespaces before those of fields.
#[derive(Clone, Debug)]
pub(crate) struct Labels {
    /// The texts behind one another.
    pub(crate) text: Bytes,
    /// Where the texts end.
    pub(crate) ends: Vec<u32>,
    pub(crate) namespaces_count: u32,
    /// Where the lists start; one more than there are labels.
    pub(crate) offsets: Vec<u32>,
    pub(crate) records: Bytes,
    pub(crate) lexicon: Lexicon,
    /// How many documents there are.
    pub(crate) bound: u32,
    pub(crate) fields: Fields,
}

/// The labels of each document that are names of fields.
///
/// Where few documents have the words that a field has not, asking these documents is much less work than reading the
/// lists of all fields that have the other words.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    /// Where the lists start; one more than there are documents.
    pub(crate) offsets: Vec<u32>,
    pub(crate) records: Bytes,
}

impl Fields {
    /// The labels of a document, in order.
    pub(crate) fn of(&self, document: u32) -> Numbers<'_> {
        let at = document as usize;
        let record = match self.offsets.get(at..at + 2) {
            Some([start, end]) => self.records.get(*start as usize..*end as usize),
            _ => None,
        };
        gaps(record.unwrap_or_default())
    }

    fn new(builder: &LabelsBuilder) -> Self {
        let fields = builder.namespaces_count as usize..builder.ends.len();
        let lists = fields.map(|label| (label as u32, builder.list(label)));
        let mut ends = vec![0_u32; builder.bound as usize + 1];
        for (_, list) in lists.clone() {
            for document in list.iter() {
                ends[document as usize + 1] += 1;
            }
        }
        let mut sum = 0;
        for end in &mut ends {
            sum += *end;
            *end = sum;
        }
        let mut labels = vec![0; sum as usize];
        let mut next = ends.clone();
        for (label, list) in lists {
            for document in list.iter() {
                let place = &mut next[document as usize];
                labels[*place as usize] = label;
                *place += 1;
            }
        }
        let mut fields = Self {
            offsets: vec![0],
            records: Bytes::new(),
        };
        let mut records = Vec::new();
        for span in ends.windows(2) {
            put_gaps(&mut records, &labels[span[0] as usize..span[1] as usize]);
            // The lists of labels are as long and have a bound below 4 GiB.
            fields
                .offsets
                .push(u32::try_from(records.len()).unwrap_or(u32::MAX));
        }
        records.shrink_to_fit();
        fields.offsets.shrink_to_fit();
        fields.records = records.into();
        fields
    }
}

impl Labels {
    pub(crate) fn len(&self) -> u32 {
        self.ends.len() as u32
    }

    pub(crate) fn is_field(&self, label: u32) -> bool {
        label >= self.namespaces_count
    }

    pub(crate) fn get(&self, label: u32) -> &str {
        let at = label as usize;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        std::str::from_utf8(&self.text[start as usize..self.ends[at] as usize])
            .expect("labels are texts, which is checked when a file is read")
    }

    /// The documents that have a label.
    pub(crate) fn list(&self, label: u32) -> List<'_> {
        let at = label as usize;
        let record = match self.offsets.get(at..at + 2) {
            Some([start, end]) => self.records.get(*start as usize..*end as usize),
            _ => None,
        };
        List::take(&mut record.unwrap_or_default(), self.bound).unwrap_or(List::EMPTY)
    }
}

/// Makes labels that come in order.
#[derive(Debug)]
pub(crate) struct LabelsBuilder {
    text: Vec<u8>,
    ends: Vec<u32>,
    namespaces_count: u32,
    offsets: Vec<u32>,
    records: Vec<u8>,
    gathered: Gathered,
    reader: Reader,
    bound: u32,
}

impl LabelsBuilder {
    pub(crate) fn new(bound: u32) -> Self {
        Self {
            text: Vec::new(),
            ends: Vec::new(),
            namespaces_count: 0,
            offsets: vec![0],
            records: Vec::new(),
            gathered: Gathered::default(),
            reader: Reader::default(),
            bound,
        }
    }

    /// Adds a label and its documents, in whatever order. A label without one is left out.
    pub(crate) fn push(&mut self, is_field: bool, text: &str, documents: &mut Vec<u32>) {
        documents.sort_unstable();
        documents.dedup();
        if documents.is_empty() {
            return;
        }
        let start = self.records.len();
        put_list(&mut self.records, documents, self.bound);
        let ends = (
            u32::try_from(self.records.len()),
            u32::try_from(self.text.len() + text.len()),
        );
        let (Ok(records_end), Ok(text_end)) = ends else {
            // 4 GiB of lists or of texts: what comes after is not found, and what is there goes on being.
            self.records.truncate(start);
            return;
        };
        let label = self.ends.len() as u32;
        self.text.extend_from_slice(text.as_bytes());
        self.ends.push(text_end);
        self.offsets.push(records_end);
        self.namespaces_count += u32::from(!is_field);
        let gathered = &mut self.gathered;
        self.reader.runs(bounded_name(text), |run| {
            gathered.add(run.text, label, Place::Within);
            for part in run.parts() {
                gathered.add(part, label, Place::Within);
            }
        });
    }

    fn list(&self, label: usize) -> List<'_> {
        let mut record = &self.records[self.offsets[label] as usize..];
        List::take(&mut record, self.bound).unwrap_or(List::EMPTY)
    }

    pub(crate) fn finish(mut self, is_packed: bool) -> Labels {
        let fields = Fields::new(&self);
        let count = self.ends.len() as u32;
        let same: Vec<u32> = (0..count).collect();
        self.text.shrink_to_fit();
        self.records.shrink_to_fit();
        Labels {
            text: self.text.into(),
            ends: self.ends,
            namespaces_count: self.namespaces_count,
            offsets: self.offsets,
            records: self.records.into(),
            lexicon: self.gathered.finish(&same, count, is_packed),
            bound: self.bound,
            fields,
        }
    }
}
