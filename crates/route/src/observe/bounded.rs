use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// A map that forgets the oldest entries when it has too many, or when they weigh too much together.
#[derive(Debug)]
pub(super) struct BoundedMap<K, V> {
    entries_max: usize,
    weight_max: usize,
    weight: usize,
    written: u64,
    entries: HashMap<K, Entry<V>>,
    ages: BTreeMap<u64, K>,
}

#[derive(Debug)]
struct Entry<V> {
    age: u64,
    weight: usize,
    value: V,
}

impl<K: Clone + Eq + Hash, V> BoundedMap<K, V> {
    pub(super) fn new(entries_max: usize, weight_max: usize) -> Self {
        let (entries, ages) = (HashMap::new(), BTreeMap::new());
        Self { entries_max, weight_max, weight: 0, written: 0, entries, ages }
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// Puts an entry in as the youngest; gives the one that it replaces.
    pub(super) fn insert(&mut self, key: K, value: V, weight: usize) -> Option<V> {
        let earlier = self.remove(&key);
        self.written += 1;
        self.weight += weight;
        self.ages.insert(self.written, key.clone());
        self.entries.insert(key, Entry { age: self.written, weight, value });
        while self.entries.len() > self.entries_max || self.weight > self.weight_max {
            let Some((_, oldest)) = self.ages.pop_first() else { break };
            if let Some(entry) = self.entries.remove(&oldest) {
                self.weight -= entry.weight;
            }
        }
        earlier
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let entry = self.entries.remove(key)?;
        self.ages.remove(&entry.age);
        self.weight -= entry.weight;
        Some(entry.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first() {
        let mut map = BoundedMap::new(2, 100);
        map.insert("a", 1, 1);
        map.insert("b", 2, 1);
        map.insert("a", 3, 1);
        map.insert("c", 4, 1);
        assert_eq!((map.get(&"a"), map.get(&"b"), map.get(&"c")), (Some(&3), None, Some(&4)));
    }

    #[test]
    fn heavy_entries_push_others_out() {
        let mut map = BoundedMap::new(100, 10);
        map.insert("a", 1, 6);
        map.insert("b", 2, 6);
        assert_eq!((map.get(&"a"), map.get(&"b")), (None, Some(&2)));
        map.insert("c", 3, 11);
        assert_eq!((map.get(&"b"), map.get(&"c")), (None, None));
        assert_eq!(map.weight, 0);
    }
}
